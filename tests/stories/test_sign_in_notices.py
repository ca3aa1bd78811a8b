"""The owner of an account gets a mail about an odd sign-in, at every door (ASVS 6.3.5)."""

import json
import re
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.factors import unfinished
from accounts.outbox import jobs
from accounts.outbox.models import Job
from accounts.signins.models import AuthSession
from tests.kit.clients import CHROME, sign_in
from tests.kit.factories import PASSWORD, AuditEventFactory, UserFactory
from tests.kit.factors import app_code, enrol
from tests.kit.mails import code_in
from tests.kit.outage import without_redis
from tests.kit.standins import MINJI

pytestmark = pytest.mark.django_db
NEW = "A sign-in on a new device"
ODD = "An unusual sign-in"
HALF = "A sign-in stopped at the second step"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
DAY = timedelta(days=1)


@pytest.fixture
def notices_in(deliver):
    """Return the subjects of the notices that were sent so far, without the site's name."""

    def run():
        subjects = [mail.subject.removeprefix("[Munjigi] ") for mail in deliver()]
        return [text for text in subjects if text in {NEW, HALF} or text.startswith(ODD)]

    return run


@pytest.fixture
def owner():
    """An account that has signed in before, somewhere else."""
    user = UserFactory(email=MINJI)
    AuditEventFactory(user=user, user_agent=FIREFOX, ip="198.51.100.1")
    return user


def fail(user, times, **client):
    for _ in range(times):
        Client(**client).post("/accounts/login/", {"login": user.email, "password": "wrong"})


# A new device


def test_the_first_sign_in_of_an_account_is_not_mailed(browser, user, notices_in):
    sign_in(browser, user)

    assert notices_in() == []


def test_a_sign_up_and_its_sign_in_are_not_mailed(browser, db, deliver, notices_in):
    form = {"email": "new@example.com", "password1": PASSWORD}
    browser.post("/accounts/signup/", form)
    browser.post("/accounts/confirm-email/", {"code": code_in(deliver()[-1])})

    assert AuthSession.objects.count() == 1
    assert notices_in() == []


def test_a_new_browser_is_mailed_with_all_facts(owner, deliver):
    browser = Client(headers={"user-agent": CHROME}, REMOTE_ADDR="203.0.113.7")
    sign_in(browser, owner)

    [mail] = deliver()
    assert mail.subject == f"[Munjigi] {NEW}"
    assert mail.to == [owner.email]
    for text in (mail.body, mail.alternatives[0][0]):
        assert "on a device that we don&#x27;t know" in text.replace("'", "&#x27;")
        assert "203.0.113.7" in text
        assert "Chrome · Windows" in text
        assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d KST", text)
        assert "Password" in text
        assert "/accounts/not-me/" in text


def test_the_mail_is_in_the_accounts_language(owner, deliver):
    type(owner).objects.update(locale="ko")
    sign_in(Client(headers={"user-agent": CHROME, "accept-language": "en"}), owner)

    [mail] = deliver()
    assert "새 기기에서 로그인이 있었습니다" in mail.subject
    assert "처음 보는 기기에서 누군가 회원님의 계정에 로그인했습니다." in mail.body
    assert "비밀번호" in mail.body


def test_a_known_browser_is_not_mailed_again(browser, owner, notices_in):
    for _ in range(3):
        sign_in(browser, owner)
        browser.post("/accounts/logout/")

    assert notices_in() == [NEW]


def test_a_known_browser_may_move(browser, owner, notices_in):
    sign_in(browser, owner)
    browser.post("/accounts/logout/")
    browser.defaults["REMOTE_ADDR"] = "192.0.2.200"
    sign_in(browser, owner)

    assert notices_in() == [NEW]


def test_a_mark_of_another_account_makes_no_known_browser(browser, owner, notices_in):
    sign_in(browser, UserFactory())
    browser.post("/accounts/logout/")
    sign_in(browser, owner)

    assert notices_in() == [NEW]


def test_a_browser_without_cookies_is_mailed_once_a_day(owner, notices_in):
    for _ in range(3):
        sign_in(Client(headers={"user-agent": CHROME}), owner)
    assert notices_in() == [NEW]

    sign_in(Client(headers={"user-agent": FIREFOX}), owner)
    sign_in(Client(headers={"user-agent": CHROME}, REMOTE_ADDR="192.0.2.1"), owner)
    assert notices_in() == [NEW] * 3


@pytest.mark.slow
def test_an_account_gets_ten_of_these_mails_a_day(owner, notices_in):
    for number in range(13):
        sign_in(Client(headers={"user-agent": f"program-{'abcdefghijklm'[number]}/1"}), owner)

    assert notices_in() == [NEW] * 10


def test_the_setting_switches_the_mails_off(owner, notices_in, settings):
    settings.SIGN_IN_NOTICES = False
    enrol(UserFactory(email="other@example.com"))
    sign_in(Client(), owner)
    sign_in(Client(), UserFactory._meta.model.objects.get(email="other@example.com"))

    assert notices_in() == []
    assert not Job.objects.filter(kind=unfinished.KIND).exists()


def test_an_unproved_address_gets_no_notice(owner, notices_in, settings):
    settings.ACCOUNT_EMAIL_VERIFICATION = "none"
    owner.emailaddress_set.update(verified=False)
    sign_in(Client(), owner, door="api")

    assert notices_in() == []


# Apps


@pytest.mark.parametrize("door", ["api", "app"])
def test_an_app_is_mailed_once_for_its_place(owner, notices_in, door):
    here = {"headers": {"user-agent": "MyApp/1.0"}, "REMOTE_ADDR": "203.0.113.7"}
    with time_machine.travel(timezone.now()) as clock:
        sign_in(Client(**here), owner, door=door)
        clock.shift(2 * DAY)
        sign_in(Client(**here | {"REMOTE_ADDR": "203.0.113.99"}), owner, door=door)
        assert notices_in() == [NEW]

        sign_in(Client(**here | {"REMOTE_ADDR": "198.51.100.7"}), owner, door=door)
        sign_in(Client(**here | {"headers": {"user-agent": "Robot/2"}}), owner, door=door)
    assert notices_in() == [NEW] * 3


def test_a_frontend_with_cookie_delivery_is_known_by_its_cookie(owner, notices_in, settings):
    ours = {"origin": settings.SITE_URL, "x-token-delivery": "cookie"}
    frontend = Client(headers=ours)
    for number in range(2):
        frontend.defaults["REMOTE_ADDR"] = f"192.0.{number}.1"
        sign_in(frontend, owner, door="api")

    assert notices_in() == [NEW]


def test_a_sign_in_by_a_mailed_code_is_mailed(browser, owner, deliver, notices_in):
    browser.post("/accounts/login/code/", {"email": owner.email})
    browser.post("/accounts/login/code/confirm/", {"code": code_in(deliver()[-1])})

    assert notices_in() == [NEW]
    assert "One-time code" in deliver()[-1].body


def test_a_sign_in_by_a_mailed_code_of_the_api_is_mailed(owner, post, deliver, notices_in):
    asked = post("/api/token/code/", {"email": owner.email}).json()
    body = {"code_token": asked["code_token"], "code": code_in(deliver()[-1])}
    post("/api/token/code/confirm/", body)

    assert notices_in() == [NEW]


@pytest.mark.parametrize("door", ["api", "app"])
def test_a_sign_in_by_a_provider_is_mailed(
    kakao, owner, connect, walk, send, deliver, notices_in, door
):
    connect(kakao)
    assert notices_in() == [NEW]
    walk(kakao, browser=Client(headers={"user-agent": FIREFOX}))
    assert notices_in() == [NEW] * 2
    assert "How: Kakao" in deliver()[-1].body

    assert send(door, kakao, kakao.native()).status_code == 200
    assert AuthSession.objects.count() == 3
    assert notices_in() == [NEW] * 3


def test_a_headless_browser_is_mailed(browser, owner, notices_in):
    browser.post(
        "/_allauth/browser/v1/auth/login",
        json.dumps({"email": owner.email, "password": PASSWORD}),
        content_type="application/json",
    )

    assert AuthSession.objects.count() == 1
    assert notices_in() == [NEW]


def test_a_second_step_on_a_new_device_is_in_the_mail(browser, owner, deliver):
    secret, _codes = enrol(owner)
    sign_in(browser, owner)
    assert deliver() == []
    browser.post("/accounts/2fa/authenticate/", {"code": app_code(secret)})

    [mail] = deliver()
    assert mail.subject.endswith(NEW)
    assert "Password + One-time code + Second step" in mail.body


# Failures, and a long absence


def test_a_sign_in_after_many_failures_is_mailed(browser, owner, deliver, notices_in, settings):
    settings.LIMITS = settings.LIMITS | {"sign_in_account": (50, 300)}
    sign_in(browser, owner)
    browser.post("/accounts/logout/")
    fail(owner, 7)
    sign_in(browser, owner)

    assert notices_in() == [NEW]  # one mail of a place in a day
    browser.post("/accounts/logout/")
    fail(owner, 7)
    browser.defaults["REMOTE_ADDR"] = "192.0.2.9"
    sign_in(browser, owner)
    assert notices_in()[1].startswith(ODD)
    assert "7 attempts with a wrong password or code were refused" in deliver()[-1].body


def test_four_failures_are_typing_errors(browser, owner, notices_in):
    sign_in(browser, owner)
    browser.post("/accounts/logout/")
    browser.defaults["REMOTE_ADDR"] = "192.0.2.9"
    fail(owner, 4)
    sign_in(browser, owner)

    assert notices_in() == [NEW]


def test_a_flood_of_failures_hides_no_new_device(browser, owner, notices_in):
    AuditEvent.objects.bulk_create(
        AuditEvent(user=owner, type="login.failed", reason="wrong_password") for _ in range(250)
    )
    sign_in(browser, owner)

    assert notices_in() == [NEW]


def test_a_return_after_a_long_absence_is_mailed(browser, owner, deliver, notices_in, settings):
    with time_machine.travel(timezone.now()) as clock:
        sign_in(browser, owner)
        browser.post("/accounts/logout/")
        clock.shift(settings.AUTH_SESSION_LIFETIME + 29 * DAY)
        sign_in(browser, owner)
        browser.post("/accounts/logout/")
        assert notices_in() == [NEW]
        clock.shift(settings.AUTH_SESSION_LIFETIME + 31 * DAY)
        browser.defaults["REMOTE_ADDR"] = "192.0.2.9"  # Redis, which counts mails, did not travel
        sign_in(browser, owner)

    assert notices_in()[1].startswith(ODD)
    assert "Nobody had been signed in for a long time." in deliver()[-1].body


# A second step that is not done


@pytest.fixture
def look():
    """Do the jobs that look for unfinished sign-ins, as the worker does a quarter of an hour later."""

    def run():
        with time_machine.travel(timezone.now() + timedelta(minutes=16)):
            for job in Job.objects.filter(kind=unfinished.KIND):
                jobs.run(job.pk)

    return run


@pytest.mark.parametrize("door", ["page", "api", "app"])
def test_a_second_step_that_is_not_done_is_mailed(owner, look, deliver, notices_in, door):
    enrol(owner)
    sign_in(Client(headers={"user-agent": CHROME}, REMOTE_ADDR="203.0.113.7"), owner, door=door)
    assert notices_in() == []
    look()

    assert notices_in() == [HALF]
    assert "203.0.113.7" in deliver()[-1].body
    assert "/accounts/not-me/" in deliver()[-1].body


def test_the_look_waits_until_the_sign_in_can_not_go_on(owner):
    enrol(owner)
    sign_in(Client(), owner)

    job = Job.objects.get(kind=unfinished.KIND)
    assert timedelta(minutes=14) < job.not_before - timezone.now() <= timedelta(minutes=15)
    assert list(jobs.due(unfinished.KIND)) == []


def test_a_finished_second_step_is_no_half_sign_in(browser, owner, look, notices_in):
    secret, _codes = enrol(owner)
    sign_in(browser, owner)
    browser.post("/accounts/2fa/authenticate/", {"code": app_code(secret)})
    look()

    assert notices_in() == [NEW]


@pytest.mark.parametrize(
    ("agent", "ip"), [(FIREFOX, "127.0.0.1"), (CHROME, "192.0.2.66")], ids=["device", "address"]
)
def test_the_owners_own_sign_in_hides_no_thief(browser, owner, look, notices_in, agent, ip):
    secret, _codes = enrol(owner)
    sign_in(Client(headers={"user-agent": agent}, REMOTE_ADDR=ip), owner)
    sign_in(browser, owner)
    browser.post("/accounts/2fa/authenticate/", {"code": app_code(secret)})
    look()

    assert notices_in() == [NEW, HALF]


def test_half_sign_ins_are_mailed_once_a_day(owner, look, notices_in):
    enrol(owner)
    for _ in range(3):
        sign_in(Client(), owner)
    look()

    assert notices_in() == [HALF]


def test_a_half_sign_in_with_a_new_password_is_mailed_again(owner, look, notices_in):
    enrol(owner)
    sign_in(Client(), owner)
    look()
    owner.set_password("another long password")
    owner.save()
    sign_in(Client(), owner, "another long password")
    look()

    assert notices_in() == [HALF, HALF]


def test_a_known_browser_may_stop_at_the_second_step(browser, owner, look, notices_in):
    secret, _codes = enrol(owner)
    sign_in(browser, owner)
    browser.post("/accounts/2fa/authenticate/", {"code": app_code(secret)})
    browser.post("/accounts/logout/")
    Job.objects.filter(kind=unfinished.KIND).delete()
    sign_in(browser, owner)

    assert not Job.objects.filter(kind=unfinished.KIND).exists()


def test_after_a_report_a_known_browser_that_stops_is_mailed(browser, owner, look, notices_in):
    """The thief's browser is known, too."""
    secret, _codes = enrol(owner)
    sign_in(browser, owner)
    browser.post("/accounts/2fa/authenticate/", {"code": app_code(secret)})
    browser.post("/accounts/logout/")
    Job.objects.filter(kind=unfinished.KIND).delete()
    AuditEventFactory(user=owner, type="activity.denied")
    sign_in(browser, owner)

    assert Job.objects.filter(kind=unfinished.KIND).count() == 1


def test_a_half_sign_in_waits_for_redis(owner, look, notices_in, settings):
    enrol(owner)
    sign_in(Client(), owner)
    with without_redis(settings):
        look()
    assert notices_in() == []

    look()
    assert notices_in() == [HALF]


# What it costs


def test_a_sign_in_of_a_known_browser_costs_one_statement_more(browser, owner, settings):
    sign_in(browser, owner)
    costs = []
    for is_on in (False, True):
        settings.SIGN_IN_NOTICES = is_on
        browser.post("/accounts/logout/")
        with CaptureQueriesContext(connection) as sql:
            sign_in(browser, owner)
        costs.append(len(sql))

    assert costs[1] == costs[0] + 1
