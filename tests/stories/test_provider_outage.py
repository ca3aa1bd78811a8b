"""A provider hangs: its own sign-ins are refused in words, and the rest of the site goes on."""

import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
import requests
from allauth.socialaccount.models import SocialAccount

from accounts.federation.wire import outage
from api.problems import PROVIDER_UNAVAILABLE
from tests.kit import demo_site
from tests.kit.clients import CHROME, bearer, sign_in
from tests.kit.problems import problem
from tests.kit.rings import starts_processes
from tests.kit.standins import LINK_PAGE, StandIn
from tests.kit.waiting import wait_until

ATTEMPTS = 8
"""Of each door. Both together are twice as many as the site has threads."""
BOUND_SECONDS = 3.0
"""Less than the 5 s that a call to a provider may take: what waits for one takes longer."""
SLOWER = 20
"""A busy machine takes longer for everything: so many times of what an answer took before."""
MARK = {"en": "Kakao doesn't answer at the moment.", "ko": "지금 카카오에서 응답이 없습니다."}


@pytest.fixture
def is_down(provider_settings):
    """Say that the address of this name of a provider timed out three times just now."""

    def run(provider="kakao", name="PROFILE_URL", *, seconds_ago=0.0):
        outage._addresses[provider_settings[provider][name]] = outage.Address(
            timeouts=3, pause=60.0, failed_at=time.monotonic() - seconds_ago
        )

    return run


def page_in(browser, language="en", path="/accounts/login/"):
    return browser.get(path, headers={"accept-language": language}).text


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/signup/", "/accounts/3rdparty/"])
def test_pages_with_buttons_mark_a_provider_that_is_down(visitor, user, is_down, language, path):
    if path == "/accounts/3rdparty/":
        sign_in(visitor, user)
    assert MARK[language] not in page_in(visitor, language, path)

    is_down()

    page = page_in(visitor, language, path)
    assert page.count(MARK[language]) == 1
    assert 'class="provider kakao" aria-describedby="kakao-is-down"' in page
    assert 'class="provider google">' in page


@pytest.mark.django_db
def test_the_mark_of_the_last_used_provider_stays_beside_it(visitor, is_down):
    visitor.cookies["last-used"] = "kakao"

    is_down()

    assert 'aria-describedby="kakao-is-down last-used"' in page_in(visitor)


@pytest.mark.django_db
def test_a_mark_ends_by_itself(visitor, is_down):
    is_down(seconds_ago=outage.MARK_SECONDS + 1)

    assert "kakao-is-down" not in page_in(visitor)


@pytest.mark.django_db
@pytest.mark.parametrize("process", ["login", "connect"])
def test_the_button_of_a_provider_that_is_down_leads_to_the_reason(visitor, user, is_down, process):
    sign_in(visitor, user)
    is_down()

    answer = visitor.post(f"/accounts/kakao/login/?process={process}")

    assert answer.status_code == 503
    assert answer["Retry-After"] == "60" == str(PROVIDER_UNAVAILABLE.retry_seconds)
    assert answer["Cache-Control"] == "no-store"
    assert "Kakao doesn't answer at the moment." in answer.text
    assert visitor.post("/accounts/naver/login/").status_code == 302


@pytest.mark.django_db
def test_a_button_works_again_when_a_probe_is_due(visitor, is_down):
    is_down(seconds_ago=outage.LONGEST_PAUSE_SECONDS)

    assert visitor.post("/accounts/kakao/login/").status_code == 302


@pytest.mark.django_db
def test_a_headless_sign_in_is_sent_back_to_its_frontend(visitor, is_down, settings):
    is_down()

    answer = visitor.post(
        "/_allauth/browser/v1/auth/provider/redirect",
        {"provider": "kakao", "process": "login", "callback_url": "/done"},
    )

    assert answer.status_code == 302
    assert answer["Location"] == "/done?error=unknown&error_process=login"


@pytest.mark.django_db
def test_a_token_of_a_provider_that_is_down_is_refused(is_down, send, provider_settings):
    provider_settings["kakao"]["APP_ID"] = 1
    is_down(name="TOKEN_INFO_URL")
    kakao = StandIn("kakao", 9)

    for door in ("api", "headless"):
        answer = send(door, kakao, {"access_token": "abc"})

        assert answer.status_code == 503
        assert answer.json() == problem(503, "provider_unavailable")
        assert answer["Retry-After"] == "60"


@pytest.mark.django_db
def test_the_page_of_a_link_marks_a_provider_too(google, kakao, walk, visitor, owner, is_down):
    SocialAccount.objects.create(user=owner, provider="kakao", uid="1")
    assert walk(google)["Location"] == LINK_PAGE
    before = page_in(visitor, path=LINK_PAGE)

    is_down()

    page = page_in(visitor, path=LINK_PAGE)
    assert MARK["en"] not in before
    assert page.count(MARK["en"]) == 1
    assert 'class="provider kakao" name="proof" value="kakao" aria-describedby="kakao-is-down"' in (
        page
    )


@pytest.fixture(scope="module")
@starts_processes
def site():
    with demo_site.running() as site:
        yield site


@pytest.fixture
def frozen(site):
    """The stand-in of Kakao, frozen: the kernel accepts connections, and no answer ever comes."""
    children = psutil.Process(site.pid).children(recursive=True)
    [kakao] = [child for child in children if "demo.kakao" in child.cmdline()]

    def freeze():
        kakao.send_signal(signal.SIGSTOP)

    yield freeze, lambda: kakao.send_signal(signal.SIGCONT)
    os.kill(kakao.pid, signal.SIGCONT)


def browser_at(site):
    browser = requests.Session()
    browser.headers.update({"user-agent": CHROME, "referer": f"{site.url}/accounts/login/"})
    page = browser.get(f"{site.url}/accounts/login/", timeout=20).text
    browser.token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
    return browser


def way_back(site, standin, browser):
    """Where Kakao sends this browser after its consent."""
    start = browser.post(
        f"{site.url}/accounts/kakao/login/",
        {"csrfmiddlewaretoken": browser.token},
        allow_redirects=False,
        timeout=20,
    )
    assert start.status_code == 302, start.text
    return site.url + standin.consent(start.headers["Location"])


def ask_all_else(site, access):
    """Ask for what needs no provider, once each: the slowest answer's seconds and the address."""
    visitor = site.accounts["visitor"]
    body = {"email": visitor["email"], "password": visitor["password"]}
    calls = [
        ("GET", "/accounts/login/", {}),
        ("GET", "/accounts/signup/", {}),
        ("GET", "/livez", {}),
        ("GET", "/api/me/", {"headers": bearer(access)}),
        ("POST", "/api/token/", {"json": body}),
    ]
    found = []
    for method, path, options in calls:
        began = time.monotonic()
        answer = requests.request(method, site.url + path, timeout=20, **options)
        found.append((time.monotonic() - began, path))
        assert answer.status_code == 200, answer.text
    return max(found)


def test_sign_ins_at_a_hanging_provider_hold_up_nothing_else(site, frozen):
    freeze, thaw = frozen
    kakao = StandIn("kakao", int(site.standins["kakao"].rpartition(":")[2]))
    kakao.native_client = "demo-kakao-native"
    visitor = site.accounts["visitor"]
    body = {"email": visitor["email"], "password": visitor["password"]}
    access = requests.post(f"{site.url}/api/token/", json=body, timeout=20).json()["access"]
    browsers = [browser_at(site) for _ in range(ATTEMPTS)]
    backs = [way_back(site, kakao, browser) for browser in browsers]
    token = {"provider": "kakao", "access_token": kakao.native()["access_token"]}

    def by_app():
        return requests.post(f"{site.url}/api/token/social/", json=token, timeout=30)

    usual = max(ask_all_else(site, access) for _ in range(3))[0]

    with ThreadPoolExecutor(2 * ATTEMPTS) as pool:
        freeze()
        pages = [
            pool.submit(browser.get, back, timeout=30, allow_redirects=False)
            for browser, back in zip(browsers, backs, strict=True)
        ]
        calls = [pool.submit(by_app) for _ in range(ATTEMPTS)]
        rounds = []
        while not all(one.done() for one in [*pages, *calls]):
            rounds.append(ask_all_else(site, access))

    assert rounds
    assert max(rounds)[0] < BOUND_SECONDS + SLOWER * usual
    for page in (one.result() for one in pages):
        assert page.status_code == 503
        assert page.headers["Retry-After"] == "60"
        assert "doesn't answer at the moment" in page.text
    for call in (one.result() for one in calls):
        assert call.status_code == 503
        assert call.json()["code"] == "provider_unavailable"
        assert call.headers["Retry-After"] == "60"

    thaw()
    # The next probe may be as long away as the pause after the time-outs so far.
    seconds = outage.FIRST_PAUSE_SECONDS * 2 + 5
    wait_until(lambda: by_app().status_code != 503, seconds=seconds, every=3)
