"""The site, the stand-ins as real servers, and a browser and a native app between them."""

import copy
import json
import re
from urllib.parse import urlsplit

import pytest
import requests
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from accounts.social import jwks
from config import providers
from tests.api.conftest import post, session_keys  # noqa: F401 - fixtures
from tests.conftest import CHROME, bearer
from tests.demo.conftest import running
from tests.factories import PASSWORD, UserFactory
from tests.flows.conftest import code_in

CLIENTS = {
    "google": ["google-web", "google-secret"],
    "kakao": [
        *("kakao-web", "kakao-secret"),
        *("--app-id", "424242", "--admin-key", "kakao-admin-key"),
    ],
    "naver": ["naver-web", "naver-secret"],
}
NATIVE = {"google": "google-ios", "kakao": "kakao-native"}


class StandIn:
    """A stand-in provider, as a browser and an app's SDK meet it."""

    def __init__(self, name, port):
        self.name = name
        self.origin = f"http://localhost:{port}"
        self.native_client = NATIVE.get(name)
        self.seen = 0

    def told(self, path):
        return requests.get(f"{self.origin}/{path}", timeout=20).json()

    def ended(self):
        """Whose connections were ended there in this test."""
        return self.told("ended")["ended"][self.seen :]

    def ask(self, path, **form):
        return requests.post(f"{self.origin}/{path}", data=form, timeout=20).json()

    def silently(self, url):
        """Where a browser is sent that was asked without a word (`prompt=none`)."""
        back = requests.get(url, allow_redirects=False, timeout=20).headers["Location"]
        return back.removeprefix("http://testserver")

    def misbehave(self, fault, at=""):
        answer = requests.post(
            f"{self.origin}/misbehave", data={"fault": fault, "at": at}, timeout=20
        )
        assert answer.status_code == 200, fault

    def native(self, **form):
        """What the SDK on a phone hands to its app: both tokens."""
        form = {"client_id": self.native_client} | form
        answer = requests.post(f"{self.origin}/native", data=form, timeout=20)
        return answer.json()

    def consent(self, url, *, choice="continue", identity=None, **form):
        """Where the browser is sent after somebody looked at the consent page and clicked."""
        page = requests.get(url, timeout=20)
        assert page.status_code == 200, page.text
        request_id = re.search(r'name="request" value="([^"]+)"', page.text)[1]
        first = re.search(r'name="identity" value="([^"]+)"', page.text)[1]
        answer = requests.post(
            f"{self.origin}/consent",
            data={"request": request_id, "identity": identity or first, "choice": choice} | form,
            allow_redirects=False,
            timeout=20,
        )
        assert answer.status_code == 303, answer.text
        back = urlsplit(answer.headers["Location"])
        return f"{back.path}?{back.query}"


def _standin(name):
    client_id, secret, *options = CLIENTS[name]
    arguments = ["--client-id", client_id, "--client-secret", secret, *options]
    callback = f"http://testserver/accounts/{name}/login/callback/"
    return running(f"demo.{name}", *arguments, "--redirect-uri", callback)


@pytest.fixture(scope="session")
def google_process():
    with _standin("google") as port:
        yield StandIn("google", port)


@pytest.fixture(scope="session")
def kakao_process():
    with _standin("kakao") as port:
        yield StandIn("kakao", port)


@pytest.fixture(scope="session")
def naver_process():
    with _standin("naver") as port:
        yield StandIn("naver", port)


@pytest.fixture
def provider_settings(settings):
    """The settings as they are, but for where the providers are."""
    settings.SOCIALACCOUNT_PROVIDERS = copy.deepcopy(settings.SOCIALACCOUNT_PROVIDERS)
    jwks.forget()
    yield settings.SOCIALACCOUNT_PROVIDERS
    jwks.forget()


def _moved(process, provider_settings):
    """The provider's addresses are the stand-in's; the clients stay those of the environment."""
    there, _ = providers.configure({}, standins={process.name: process.origin})
    kept = {name: provider_settings[process.name][name] for name in ("APPS", "APP_ID", "ADMIN_KEY")}
    provider_settings[process.name] = there[process.name] | kept
    process.misbehave("")
    process.seen += len(process.ended())
    return process


@pytest.fixture
def google(google_process, provider_settings):
    return _moved(google_process, provider_settings)


@pytest.fixture
def kakao(kakao_process, provider_settings):
    return _moved(kakao_process, provider_settings)


@pytest.fixture
def naver(naver_process, provider_settings):
    return _moved(naver_process, provider_settings)


@pytest.fixture
def standin(request):
    """Parametrised with a provider's name."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def visitor():
    """A browser in which a server error is an answer, as for anybody."""
    return Client(raise_request_exception=False, headers={"user-agent": CHROME})


@pytest.fixture
def walk(visitor):
    """From the button to wherever the site sends a visitor who comes back from the provider."""

    def run(standin, browser=visitor, **consent):
        start = browser.post(f"/accounts/{standin.name}/login/")
        assert start.status_code == 302, start.content
        return browser.get(standin.consent(start["Location"], **consent))

    return run


@pytest.fixture
def connect(owner, visitor):
    """Sign the owner in by password, and connect this provider on the page for it: the uid."""

    def run(standin, **consent):
        visitor.post("/accounts/login/", {"login": owner.email, "password": PASSWORD})
        visitor.post("/accounts/reauthenticate/", {"password": PASSWORD})
        start = visitor.post(f"/accounts/{standin.name}/login/?process=connect")
        answer = visitor.get(standin.consent(start["Location"], **consent))
        assert answer["Location"] == "/accounts/3rdparty/", answer.content
        return SocialAccount.objects.get(user=owner, provider=standin.name).uid

    return run


@pytest.fixture
def confirm(deliver):
    """Prove by a mailed code, in a browser, that it is still the account's owner."""

    def run(browser, user):
        browser.post("/accounts/reauthenticate/code/", {"recipient": user.email})
        answer = browser.post(
            "/accounts/reauthenticate/code/confirm/", {"code": code_in(deliver()[-1])}
        )
        assert answer.status_code == 302, answer.content
        return answer

    return run


@pytest.fixture
def confirm_by_app(deliver):
    """The same by an app, over the headless API."""

    def run(access, user):
        for step in ("request", "confirm"):
            body = {"email": user.email} if step == "request" else {"code": code_in(deliver()[-1])}
            answer = Client().post(
                f"/_allauth/app/v1/auth/reauthenticate/code/{step}",
                json.dumps(body),
                content_type="application/json",
                headers=bearer(access),
            )
            assert answer.status_code == 200, answer.content

    return run


@pytest.fixture
def send():
    """An app that hands a provider's tokens to the site, by either door."""

    def run(door, standin, tokens, *, nonce="", **changes):
        if door == "api":
            path = "/api/token/social/"
            body = {"provider": standin.name} | tokens | ({"nonce": nonce} if nonce else {})
        else:
            path = "/_allauth/app/v1/auth/provider/token"
            token = {"client_id": standin.native_client} | tokens
            token |= {"nonce": nonce} if nonce else {}
            body = {"provider": standin.name, "process": "login", "token": token}
        return Client(raise_request_exception=False).post(
            path, json.dumps(body | changes), content_type="application/json"
        )

    return run


def access_token_in(response):
    body = response.json()
    return body.get("access") or body.get("meta", {}).get("access_token")


MINJI = "minji.kim@example.com"
"""The first person of every stand-in."""
LINK_PAGE = "/accounts/3rdparty/link/"
CODE_PAGE = "/accounts/login/code/confirm/"


@pytest.fixture
def owner(db):
    return UserFactory(email=MINJI)


@pytest.fixture
def prove(visitor):
    """Send the form of the page, as it was shown."""

    def run(proof="password", browser=visitor, **form):
        key = re.search(r'name="link" value="([^"]+)"', browser.get(LINK_PAGE).text)
        return browser.post(LINK_PAGE, {"link": key[1] if key else "", "proof": proof} | form)

    return run
