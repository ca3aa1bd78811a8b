"""The former system is asked at each door with a password, and nothing fails open."""

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.db.models import Q
from django.test import Client
from standardwebhooks import Webhook

from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import Denied
from accounts.client_info import ClientInfo
from accounts.mail import denial_links
from accounts.moving import former
from accounts.moving.models import ExternalId
from accounts.people.models import User
from accounts.reports import own
from accounts.signins import denials, sessions
from accounts.signins.models import AuthSession
from accounts.webhooks import signing
from tests.kit.clients import sign_in
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.legacy import came
from tests.kit.racing import at_once
from tests.kit.sites import serving
from tests.kit.webhooks import LOOPBACK

DOORS = ["page", "api", "app"]
EMAIL, THERE = "hana@example.com", "a password there"
YES = {
    "id": "old-1",
    "email": "Hana@Example.com",
    "email_verified": True,
    "name": "김하나",
    "language": "ko",
}


class Former:
    """The former system: one account, and what it was asked."""

    def __init__(self):
        self.asked, self.headers, self.answer, self.delay = [], [], None, 0

    def reply(self, body):
        if self.answer is not None:
            return self.answer
        right = (body["email"], body["password"]) == (EMAIL, THERE)
        return (200, json.dumps(YES).encode()) if right else (401, b"")


@contextmanager
def running(system):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            system.headers.append((dict(self.headers), raw))
            system.asked.append(json.loads(raw))
            time.sleep(system.delay)
            status, body = system.reply(json.loads(raw))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if status // 100 == 3:
                self.send_header("Location", "/again")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Write no log."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_):
            """Ignore callers that stopped waiting."""

    with Server(("127.0.0.1", 0), Handler) as server, serving(server):
        yield f"http://127.0.0.1:{server.server_address[1]}/check"


@pytest.fixture
def system(settings):
    settings.WEBHOOK_PRIVATE_NETWORKS = LOOPBACK
    settings.LEGACY_SIGN_IN_SECRET = signing.fresh_secret()
    found = Former()
    with running(found) as url:
        settings.LEGACY_SIGN_IN_URL = url
        yield found


def attempt(password=THERE, door="api", email=EMAIL):
    return sign_in(Client(), User(email=email), password, door=door)


def unusable(**columns):
    user = UserFactory(email=EMAIL, **columns)
    user.set_unusable_password()
    user.save()
    return user


def waiting(user=None, external_id="old-1", source="cognito"):
    """Return an account that came without a hash."""
    user = user or unusable()
    came(user, external_id, source, waits_for_password=True)
    return user


@pytest.mark.parametrize("door", DOORS)
def test_a_right_password_there_makes_the_account_and_signs_in(db, system, door):
    assert attempt(door=door).status_code in {200, 302}

    user = User.objects.get()
    assert (user.email, user.display_name, user.locale) == (EMAIL, "김하나", "ko")
    assert EmailAddress.objects.get().verified
    assert ExternalId.objects.get().external_id == "old-1"
    assert AuditEvent.objects.get(type="user.imported").reason == "cognito"
    assert AuthSession.objects.get().user == user


def test_the_second_sign_in_asks_nobody(db, system):
    attempt()
    attempt()

    assert len(system.asked) == 1
    assert AuthSession.objects.count() == 2


@pytest.mark.parametrize("door", DOORS)
def test_a_wrong_password_there_signs_nobody_in(db, system, door):
    assert attempt("wrong", door).status_code in {200, 400, 401}

    assert not User.objects.exists()
    assert AuditEvent.objects.get(type="login.failed").reason == "unknown_user"


def test_an_imported_account_without_a_hash_gets_its_password(db, system):
    user = waiting()

    assert attempt().status_code == 200

    user.refresh_from_db()
    assert user.check_password(THERE)
    assert User.objects.count() == 1


def test_an_imported_account_of_another_id_gets_nothing(db, system):
    """The address belongs to somebody else there by now."""
    waiting(external_id="old-2")

    assert attempt().status_code == 401
    assert not AuthSession.objects.exists()


CLOSED = {
    "has a password": lambda: UserFactory(email=EMAIL),
    "signs in by a provider": unusable,
    "is disabled": lambda: waiting(unusable(is_active=False)),
    "came with another hash": lambda: came(unusable(), "old-1", "cognito"),
}


def report_by_mail(user):
    link = denial_links.url(user, about=Denied.SIGN_IN, to=EMAIL)
    denial = denial_links.read(link.strip("/").rsplit("/", 1)[-1])
    assert denials.deny(denial, keep=None, client=ClientInfo())


def report_here(user):
    subject = own.Subject(Denied.SIGN_IN, None, Q(pk=None))
    own.file(user, subject, keep=uuid4(), client=ClientInfo())


def change_password(user):
    user.set_password(PASSWORD)
    user.save()


def lock(user):
    user.is_active = False
    user.save()
    user.is_active = True
    user.save()


ENDINGS = {
    "a report by mail": report_by_mail,
    "a report by the owner": report_here,
    "a password": change_password,
    "a proposed email": lambda user: sessions.revoke_all(user, reason=sessions.Reason.ADMIN),
    "a lock": lock,
}


@pytest.mark.parametrize("name", ENDINGS)
def test_nothing_of_the_old_system_undoes_an_ending(db, system, name):
    """The thief knows the password there, and the owner said here: it wasn't me."""
    user = waiting()
    ENDINGS[name](user)
    User.objects.update(password=make_password(None))

    assert attempt().status_code == 401

    assert all(asked["password"] != THERE for asked in system.asked)
    assert not User.objects.get().has_usable_password()


def test_the_same_id_of_another_system_is_somebody_else(db, system):
    waiting(source="csv")

    assert attempt().status_code == 401


@pytest.mark.parametrize("name", CLOSED)
def test_an_account_that_is_here_is_never_taken_over(db, system, name):
    CLOSED[name]()
    before = User.objects.values().get()

    assert attempt().status_code == 401

    assert User.objects.values().get() == before
    assert not AuthSession.objects.exists()


@pytest.mark.parametrize("name", CLOSED)
def test_the_former_system_is_asked_without_the_password_of_others(db, system, name):
    """So a refusal takes as long with an account as without, and no password leaks."""
    CLOSED[name]()

    attempt()

    (asked,) = system.asked
    assert asked["email"] == EMAIL
    assert asked["password"] != THERE


@pytest.mark.parametrize("theirs", ["hána@example.com", "other@example.com", "", None])
@pytest.mark.parametrize("is_here", [True, False])
def test_a_yes_about_another_address_is_a_no(db, system, theirs, is_here):
    """A collation there finds `hána` for `hana`, with the password of somebody else."""
    if is_here:
        waiting()
    system.answer = (200, json.dumps(YES | {"email": theirs}).encode())

    assert attempt().status_code == 401

    assert not AuthSession.objects.exists()
    assert User.objects.count() == is_here


def test_a_yes_without_an_address_is_a_no(db, system):
    system.answer = (200, json.dumps({key: YES[key] for key in YES if key != "email"}).encode())

    assert attempt().status_code == 401
    assert not User.objects.exists()


def test_a_right_password_here_asks_nobody(db, system):
    UserFactory(email=EMAIL)

    assert attempt(PASSWORD).status_code == 200
    assert system.asked == []


def test_an_unproved_address_is_proved_first(db, system):
    system.answer = (200, json.dumps(YES | {"email_verified": False}).encode())

    response = attempt()

    assert response.json()["code"] == "email_unverified"
    assert not AuthSession.objects.exists()


def test_an_account_that_changed_its_address_comes_no_second_time(db, system):
    attempt()
    User.objects.update(email="new@example.com")
    EmailAddress.objects.update(email="new@example.com")

    assert attempt().status_code == 401
    assert User.objects.count() == 1


def test_an_account_that_was_deleted_here_does_not_come_back(db, system):
    attempt()
    User.objects.get().delete()

    assert attempt().status_code == 401
    assert not User.objects.exists()


UNCLEAR = {
    "no json": (200, b"yes"),
    "nothing": (200, b""),
    "another type": (200, b"[]"),
    "true": (200, b"true"),
    "no id": (200, b'{"email_verified": true}'),
    "an id of another type": (200, b'{"id": {"a": 1}}'),
    "an address of another type": (200, b'{"id": "old-1", "email": ["a"]}'),
    "deep": (200, b"[" * 50_000),
    "large": (200, b'{"id": "' + b"x" * 100_000 + b'"}'),
    "created": (201, json.dumps(YES).encode()),
    "redirect": (302, json.dumps(YES).encode()),
    "error": (500, json.dumps(YES).encode()),
    "limit": (429, b""),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", UNCLEAR)
def test_an_unclear_answer_signs_nobody_in(db, system, name, door):
    system.answer = UNCLEAR[name]

    response = attempt(door=door)

    assert response.status_code == 503
    assert response["Retry-After"] == "60"
    assert len(system.asked) == 1
    assert not User.objects.exists()


@pytest.mark.parametrize("name", [*CLOSED, "nobody"])
def test_an_unclear_answer_does_not_show_whether_there_is_an_account(db, system, name):
    CLOSED.get(name, lambda: None)()
    system.answer = (500, b"")

    response = attempt()

    assert (response.status_code, response.json()["code"]) == (503, "former_system_unavailable")


def test_a_slow_system_is_given_up(db, system, monkeypatch):
    monkeypatch.setattr(former, "SECONDS", 0.2)
    system.delay = 30

    began = time.monotonic()
    assert attempt().status_code == 503
    assert time.monotonic() - began < 20


def test_a_system_that_is_down_is_503(db, system, settings):
    settings.LEGACY_SIGN_IN_URL = "http://127.0.0.1:9/"

    assert attempt().status_code == 503


def test_a_private_address_is_refused(db, system, settings):
    settings.WEBHOOK_PRIVATE_NETWORKS = []

    assert attempt().status_code == 503
    assert system.asked == []


def test_few_calls_run_at_once(db, system, monkeypatch):
    monkeypatch.setattr(former, "_free", threading.BoundedSemaphore(1))
    former._free.acquire()

    assert attempt().status_code == 503
    assert system.asked == []


def test_limits_apply_also_while_the_system_is_down(db, system):
    system.answer = (500, b"")

    statuses = [attempt().status_code for _ in range(6)]

    assert statuses == [503] * 5 + [429]
    assert len(system.asked) == 5


def test_the_request_is_signed_as_standard_webhooks_are(db, system, settings):
    attempt()

    ((headers, raw),) = system.headers
    content = Webhook(settings.LEGACY_SIGN_IN_SECRET).verify(raw, headers)
    assert content == {"email": EMAIL, "password": THERE}


def test_a_new_proof_of_a_sign_in_asks_nobody(db, system, browser):
    user = UserFactory(email=EMAIL)
    sign_in(browser, user)

    browser.post("/accounts/reauthenticate/", {"password": "wrong"})

    assert system.asked == []


@pytest.mark.django_db(transaction=True)
def test_sign_ins_at_once_make_one_account(system):
    statuses = at_once(3, lambda _number: attempt().status_code)

    assert set(statuses) <= {200, 401, 503}
    assert 200 in statuses
    assert User.objects.count() == ExternalId.objects.count() == 1


def test_without_the_setting_nobody_is_asked(db, system, settings):
    settings.LEGACY_SIGN_IN_URL = ""

    assert attempt().status_code == 401
    assert system.asked == []
