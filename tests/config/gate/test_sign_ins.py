"""Send each sign-in by password through the gate and through Django alone: answers, rows and counts are equal."""

import json
import time
from datetime import timedelta

import pytest
from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.contrib.auth.signals import user_login_failed
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_redis import get_redis_connection
from structlog.testing import capture_logs

from accounts.audit.models import AuditEvent
from accounts.outbox.models import Job
from accounts.pages import attempts, decoys
from accounts.pages.adapters import AccountAdapter
from accounts.people.hashers import Argon2idPasswordHasher
from accounts.people.models import User
from accounts.signins import sessions
from accounts.signins.models import AuthSession
from api.signin import plain
from config.gate import views
from tests.kit.factories import PASSWORD, AuditEventFactory, UserFactory
from tests.kit.factors import enrol_app, enrol_passkey
from tests.kit.outage import without_redis
from tests.kit.two_ways import FORM, OBTAIN, Call, by_django, by_site, check
from tests.kit.waiting import Asking, is_somebody_waiting, wait_until
from tests.kit.webhooks import endpoint


class Adapter(AccountAdapter):
    """What a product on top of ours may set."""


FRONTEND = "https://app.example.com"
WAYS = {
    "gate": lambda call: by_site(call.environ())[0],
    "django": lambda call: by_django(call.environ()),
}
committing = pytest.mark.django_db(transaction=True)


@pytest.fixture
def owner(db):
    """An account that has signed in before."""
    return UserFactory(email="kim@example.com", last_login=timezone.now())


def call(owner=None, body=None, **more):
    """Ask for tokens as an app does. `body` replaces members of the body, or takes them away (None)."""
    members = {"email": owner.email if owner else "nobody@example.com", "password": PASSWORD}
    members = {name: each for name, each in (members | (body or {})).items() if each is not None}
    return Call("POST", OBTAIN, json.dumps(members).encode(), more=more)


def counts():
    """Return what Redis has counted, without the random parts."""
    store = get_redis_connection("default")
    return {
        key: store.get(key) if store.type(key) == b"string" else store.type(key)
        for key in sorted(store.keys("*"))
    }


def columns_of(row):
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def left_by(way, call):
    """Sign in. Returns the columns of the user, of the row and of all events, and all counts and jobs."""
    with transaction.atomic():
        assert way(call).status == "200 OK"
        rows = [
            *map(columns_of, User.objects.all()),
            *map(columns_of, AuthSession.objects.all()),
            *map(columns_of, AuditEvent.objects.order_by("id")),
        ]
        jobs = Job.objects.count()
        transaction.set_rollback(True)
    counted = counts()
    get_redis_connection("default").flushdb()
    now = timezone.now()
    for row in rows:
        for name, value in row.items():
            if name in {"id", "sid", "refresh_jti", "request_id", "hash"}:
                row[name] = bool(value)
            elif hasattr(value, "tzinfo"):
                row[name] = round((value - now).total_seconds() / 60)
    return rows, counted, jobs


# Who gets a yes


def test_right_credentials(owner, equal):
    answer, by_gate = equal(call(owner))

    assert (answer.status, by_gate) == ("200 OK", True)
    assert set(json.loads(answer.body)) == {"access", "refresh", "token_type", "expires_in", "sid"}
    assert answer.header("cache-control") == "no-store"
    assert answer.header("set-cookie") is None


@pytest.mark.parametrize("is_known", [True, False], ids=["known place", "new place"])
def test_the_rows_the_counts_and_the_mails_are_equal(owner, is_known):
    ip = "127.0.0.1" if is_known else "198.51.100.1"
    AuditEventFactory(user=owner, user_agent="curl/8.1", ip=ip)
    asked = call(owner, HTTP_USER_AGENT="curl/8.1")

    found = left_by(WAYS["gate"], asked)

    assert found == left_by(WAYS["django"], asked)
    assert found[2] == (0 if is_known else 1)


@pytest.mark.parametrize("email", ["KIM@example.com", "Kim@Example.COM"])
def test_the_case_of_the_email(owner, equal, email):
    check(equal, call(body={"email": email}), answers=True, status=200)


@pytest.mark.parametrize("language", ["", "ko", "en;q=0.1, ko", "x" * 200])
def test_a_language(owner, equal, language):
    asked = call(owner, HTTP_ACCEPT_LANGUAGE=language)

    check(equal, asked, answers=len(language) < 200, status=200)


@pytest.mark.parametrize("value", ["Bearer stale", "Bearer ", "Basic YTpi", "a b c", ""])
def test_other_credentials_are_ignored(owner, equal, value):
    check(equal, call(owner, HTTP_AUTHORIZATION=value), answers=True, status=200)


@pytest.mark.parametrize("origin", [FRONTEND, "https://evil.example", "null"])
def test_an_origin(owner, equal, origin, settings):
    settings.CORS_ALLOWED_ORIGINS = [FRONTEND]

    check(equal, call(owner, HTTP_ORIGIN=origin), answers=True, status=200)


@pytest.mark.parametrize("who", ["nobody", "staff"])
def test_a_policy_that_does_not_name_the_account(owner, equal, settings, who):
    settings.MFA_REQUIRED_FOR = who

    check(equal, call(owner), answers=True, status=200)


def test_an_account_that_was_to_be_deleted_is_kept(owner, equal):
    User.objects.update(erase_at=timezone.now() + timedelta(days=1))

    answer, by_gate = equal(call(owner))

    assert by_gate
    assert json.loads(answer.body)["account_kept"] is True


def test_an_endpoint_hears_of_it(owner):
    endpoint(events=["session.opened"])

    assert left_by(WAYS["gate"], call(owner)) == left_by(WAYS["django"], call(owner))


# Who goes on to Django


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"email": None}, 400),
        ({"password": None}, 400),
        ({"email": "", "password": ""}, 400),
        ({"email": "kim"}, 400),
        ({"email": "kim@example.com "}, 200),
        ({"email": "kim@example.com\n"}, 200),
        ({"email": "kim@例え.jp"}, 401),
        ({"email": f"{'k' * 250}@example.com"}, 400),
        ({"email": ["kim@example.com"]}, 400),
        ({"email": 1}, 400),
        ({"password": 1}, 400),
        ({"password": True}, 400),
        ({"password": "비밀번호가 아닙니다"}, 401),
        ({"password": "p\x00"}, 400),
        ({"password": "p" * 129}, 400),
        ({"link_token": "x"}, 401),
        ({"link_token": ""}, 400),
        ({"remember": "x"}, 400),
    ],
    ids=repr,
)
def test_another_body(owner, equal, body, status):
    check(equal, call(owner, body), answers=False, status=status)


@pytest.mark.parametrize(
    "text", ["", "x", "[]", "{}", '"x"', "null", '{"email": "a@b.example", "email": "a@b.example"}']
)
def test_a_body_that_is_none(db, equal, text):
    check(equal, Call("POST", OBTAIN, text.encode()), answers=False, status=400)


def test_a_form(owner, equal):
    check(equal, Call("POST", OBTAIN, b"email=x&password=y", FORM), answers=False, status=415)


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD"])
def test_another_method(owner, equal, method):
    asked = call(owner)
    asked.method = method

    check(equal, asked, answers=False, status=405)


@pytest.mark.parametrize(("origin", "status"), [(FRONTEND, 200), ("https://evil.example", 403)])
def test_delivery_by_cookie(owner, equal, settings, origin, status):
    settings.FRONTEND_ORIGINS = [FRONTEND]
    more = {"HTTP_X_TOKEN_DELIVERY": "cookie", "HTTP_ORIGIN": origin}

    answer, by_gate = by_site(call(owner, **more).environ())

    assert (answer.status[:3], by_gate) == (str(status), False)


@pytest.mark.parametrize("cookie", ["device=x", "session=x", "a=b"])
def test_a_client_with_cookies(owner, equal, cookie):
    check(equal, call(owner, HTTP_COOKIE=cookie), answers=False, status=200)


def test_a_former_system_is_asked_by_django(owner, equal, settings):
    settings.LEGACY_SIGN_IN_URL = "https://former.example.com/"

    check(equal, call(owner), answers=False, status=200)


@pytest.mark.parametrize(
    ("signal", "sender"), plain.SIGNALS, ids=["django's", "allauth's", "a step", "a failure"]
)
@pytest.mark.parametrize("is_for_all", [True, False])
def test_a_receiver_of_a_product_hears_of_it(owner, signal, sender, is_for_all):
    heard, chosen = [], None if is_for_all else sender

    def receive(**facts):
        heard.append(facts.get("user") or facts["credentials"]["email"])

    signal.connect(receive, sender=chosen)
    try:
        answers = [by_site(call(owner, body).environ()) for body in ({}, {"password": "wrong"})]
    finally:
        signal.disconnect(receive, sender=chosen)

    assert [(answer.status[:3], by_gate) for answer, by_gate in answers] == [
        ("200", False),
        ("401", False),
    ]
    assert heard == [owner.email if signal is user_login_failed else owner]
    assert plain.is_offered()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ACCOUNT_ADAPTER", "tests.config.gate.test_sign_ins.Adapter"),
        ("AUTHENTICATION_BACKENDS", [*plain.BACKENDS, "django.contrib.auth.backends.ModelBackend"]),
    ],
)
def test_a_products_own_pipeline_decides(owner, equal, settings, name, value):
    setattr(settings, name, value)

    check(equal, call(owner), answers=False, status=200)


def refused(equal, owner, code, status=401):
    answer, by_gate = equal(call(owner))
    assert (answer.status[:3], by_gate) == (str(status), False)
    assert json.loads(answer.body)["code"] == code


@pytest.mark.parametrize("password", ["wrong", PASSWORD.upper(), f"{PASSWORD} "])
def test_a_wrong_password(owner, equal, password):
    check(equal, call(owner, {"password": password}), answers=False, status=401)


def test_an_unknown_account(db, equal):
    refused(equal, None, "invalid_credentials")


def test_a_disabled_account(owner, equal):
    User.objects.update(is_active=False)

    refused(equal, owner, "invalid_credentials")


def test_a_demo_account(owner, equal, settings):
    settings.REFUSED_EMAILS = {owner.email}

    refused(equal, owner, "invalid_credentials")


def test_an_unproved_address(owner, equal):
    EmailAddress.objects.update(verified=False)

    refused(equal, owner, "email_unverified")


def test_a_proved_address_in_another_spelling(owner, equal):
    """By SQL alone: we store one spelling. allauth compares letter by letter."""
    EmailAddress.objects.update(email=owner.email.upper())

    refused(equal, owner, "login_incomplete")


def test_an_unproved_address_beside_a_proved_one(owner, equal):
    EmailAddress.objects.create(user=owner, email="typed@example.com", verified=False)

    _, by_gate = equal(call(body={"email": "typed@example.com"}))

    assert not by_gate


@pytest.mark.parametrize("add", [enrol_app, enrol_passkey])
def test_a_second_factor(owner, equal, add):
    add(owner)

    environ = call(owner).environ()
    answer, by_gate = by_site(environ)

    assert not by_gate
    assert json.loads(answer.body)["code"] == "mfa_required"
    assert not AuthSession.objects.exists()


def test_a_policy_that_names_the_account(owner, equal, settings):
    settings.MFA_REQUIRED_FOR = "all"

    refused(equal, owner, "mfa_enrolment_required")


def test_a_policy_that_names_it_later(owner, equal, settings):
    settings.MFA_REQUIRED_FOR = "all"
    settings.MFA_REQUIRED_FROM = timezone.localdate() + timedelta(days=7)

    answer, by_gate = equal(call(owner))

    assert not by_gate
    assert "second_step_due_at" in json.loads(answer.body)


def test_the_password_of_a_decoy(owner):
    answers = []
    for way in WAYS.values():
        decoys.leave(owner.email, make_password("a typed one"))
        answers.append(way(call(owner, {"password": "a typed one"})).masked())

    assert answers[0] == answers[1]
    assert b"email_unverified" in answers[0].body


def test_the_stages_of_the_pipeline_are_those_that_the_gate_knows(db, rf):
    """`plain` opens a sign-in that none of these would stop. Look there before you add one."""
    assert [path.rpartition(".")[2] for path in get_adapter(rf.get("/")).get_login_stages()] == [
        "LoginByCodeStage",
        "PhoneVerificationStage",
        "VerificationStage",
        "WatchedFactorStage",
        "PasskeySignUpStage",
        "EnrolStage",
    ]


# One attempt, one count, one hash


class CountedHasher(Argon2idPasswordHasher):
    """Counts the hashes that are made."""

    algorithm = "counted"
    made: list[str] = []

    def encode(self, password, salt):
        self.made.append("encode")
        return super().encode(password, salt)

    def verify(self, password, encoded):
        self.made.append("verify")
        return super().verify(password, encoded)


@pytest.fixture
def hashes(settings):
    settings.PASSWORD_HASHERS = [f"{__name__}.CountedHasher"]
    CountedHasher.made.clear()
    return CountedHasher.made


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("who", ["right", "wrong", "unknown", "disabled", "factor"])
def test_each_attempt_hashes_once(owner, hashes, way, who):
    owner.set_password(PASSWORD)
    owner.save_password()
    if who == "disabled":
        User.objects.update(is_active=False)
    if who == "factor":
        enrol_app(owner)
    asked = call(
        None if who == "unknown" else owner, {"password": "wrong"} if who == "wrong" else {}
    )
    hashes.clear()

    WAYS[way](asked)

    assert hashes == ["encode" if who == "unknown" else "verify"]


@pytest.mark.parametrize("has_decoy", [True, False])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_first_sign_in_looks_for_a_decoy(owner, equal, hashes, is_first, has_decoy):
    """An account that was never proved takes as long as one with a decoy."""
    last_login = None if is_first else timezone.now()
    User.objects.update(password=make_password(PASSWORD), last_login=last_login)
    found = []
    for way in WAYS.values():
        if has_decoy:
            decoys.leave(owner.email, make_password("a typed one"))
        hashes.clear()
        with transaction.atomic():
            assert way(call(owner)).status == "200 OK"
            transaction.set_rollback(True)
        found.append([*hashes])
        get_redis_connection("default").flushdb()

    assert found == [["verify"] * (2 if is_first and has_decoy else 1)] * 2
    check(equal, call(owner), answers=True, status=200)


@pytest.mark.parametrize("who", ["right", "wrong", "unknown", "disabled", "factor", "unproved"])
def test_each_attempt_is_counted_as_by_django(owner, who):
    if who == "disabled":
        User.objects.update(is_active=False)
    if who == "factor":
        enrol_app(owner)
    if who == "unproved":
        EmailAddress.objects.update(verified=False)
    asked = call(
        None if who == "unknown" else owner, {"password": "wrong"} if who == "wrong" else {}
    )
    other = call(owner, {"password": "another wrong one"}, REMOTE_ADDR="198.51.100.7")
    found = []
    for way in WAYS.values():
        WAYS["django"](other)  # it must stay counted
        way(asked)
        found.append(counts())
        get_redis_connection("default").flushdb()

    assert found[0] == found[1]
    assert found[0]


def test_a_wrong_password_is_recorded_once(owner):
    by_site(call(owner, {"password": "wrong"}).environ())

    event = AuditEvent.objects.get()
    assert (event.type, event.reason, event.user_id) == ("login.failed", "wrong_password", owner.pk)


def test_the_limit_refuses_in_djangos_words(owner, settings):
    settings.LIMITS = settings.LIMITS | {"sign_in_account": (2, 300)}
    wrong, found = call(owner, {"password": "wrong"}), {}
    for name, way in WAYS.items():
        statuses = [way(wrong).status[:3] for _ in range(3)]
        found[name] = (statuses, way(call(owner)).masked(), counts())
        get_redis_connection("default").flushdb()

    assert found["gate"] == found["django"]
    assert found["gate"][0] == ["401", "401", "429"]
    assert found["gate"][1].status.startswith("429")


def test_a_limit_hashes_nothing_and_is_noted_once(owner, settings, hashes, monkeypatch):
    settings.LIMITS = settings.LIMITS | {"sign_in_account": (1, 300)}
    by_site(call(owner, {"password": "wrong"}).environ())
    noted = []
    monkeypatch.setattr(attempts.guesses.counters.metrics.RATE_LIMITED, "note", noted.append)
    hashes.clear()

    by_site(call(owner).environ())

    assert (hashes, noted) == ([], ["sign_in_account"])


def test_an_attempt_serves_only_its_own_account_and_only_once(owner, rf):
    request = rf.post("/")
    attempt = request.META[attempts.ENTRY] = attempts.make(owner.email, PASSWORD, network="x")

    assert attempt.user == owner
    assert attempts.made_before(request, "other@example.com") is None
    assert attempts.made_before(request, owner.email) is None


def test_a_header_makes_no_attempt(owner):
    asked = call(owner, {"password": "wrong"}, **{"HTTP_ACCOUNTS.ATTEMPT": "x"})

    assert by_site(asked.environ())[0].status[:3] == "401"


# What fails, and what happens meanwhile


def test_without_redis_nobody_signs_in(owner, settings, hashes):
    with without_redis(settings):
        answer, by_gate = by_site(call(owner).environ())

    assert (answer.status[:3], by_gate) == ("503", False)
    assert hashes == []
    assert not AuthSession.objects.exists()


@pytest.mark.parametrize("where", ["candidates", "open"])
def test_without_the_database_nobody_signs_in_and_is_not_counted(owner, monkeypatch, where):
    def fail(*args, **options):
        raise OperationalError("the server closed the connection")

    module, name = (
        (attempts, "AuthenticationBackend") if where == "candidates" else (sessions, "open")
    )
    if where == "candidates":
        monkeypatch.setattr(module.AuthenticationBackend, "authenticate", fail)
    else:
        monkeypatch.setattr(module, name, fail)

    with capture_logs():
        answer, by_gate = by_site(call(owner).environ())

    assert (answer.status[:3], by_gate) == ("503", False)
    assert [each for each in counts().values() if each == b"1"] == []


def test_an_error_after_the_sign_in_leaves_none_open(owner, monkeypatch):
    real, calls = plain.jwts.pair, []

    def fail_once(session):
        calls.append(session)
        if len(calls) == 1:
            raise RuntimeError
        return real(session)

    monkeypatch.setattr(plain.jwts, "pair", fail_once)

    with capture_logs() as lines:
        answer, by_gate = by_site(call(owner).environ())

    assert (answer.status, by_gate) == ("200 OK", False)  # Django tried it once more
    assert AuthSession.objects.get(revoked_at=None).pk != calls[0].pk
    assert AuthSession.objects.get(pk=calls[0].pk).revoked_reason == "unfinished"
    assert "gate_failed" in [line["event"] for line in lines]


def while_locked(owner, change):
    """Sign in through the gate while a transaction holds the account's lock, and changes this."""
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=owner.pk)
        asking = Asking(lambda: by_site(call(owner).environ()))
        wait_until(is_somebody_waiting)
        time.sleep(0.3)  # on SQLite, which shows no waiting: until the password was checked
        change()
    return asking.result()


@committing
def test_a_factor_that_is_added_meanwhile_is_asked_for():
    owner = UserFactory(last_login=timezone.now())
    by_django(call(owner, {"password": "wrong"}, REMOTE_ADDR="198.51.100.7").environ())
    before = counts()

    answer, by_gate = while_locked(owner, lambda: enrol_app(owner))

    assert not by_gate
    assert counts() == before  # the gate and Django have uncounted one attempt, and not two
    assert json.loads(answer.body)["code"] == "mfa_required"
    assert not AuthSession.objects.filter(revoked_at=None).exists()


@committing
@pytest.mark.parametrize("change", [{"is_active": False}, {"password": "another"}])
def test_an_account_that_changes_meanwhile_signs_nobody_in(change):
    owner = UserFactory(last_login=timezone.now())

    answer, by_gate = while_locked(owner, lambda: User.objects.update(**change))

    assert (answer.status[:3], by_gate) == ("401", False)
    assert json.loads(answer.body)["code"] == "invalid_credentials"
    assert not AuthSession.objects.exists()


# What it costs


def test_it_costs_the_statements_of_a_sign_in_and_no_more(owner):
    by_site(call(owner).environ())  # reads the keys
    found = []
    for way in WAYS.values():
        with CaptureQueriesContext(connection) as sql:
            way(call(owner))
        texts = [query["sql"].partition("'")[0] for query in sql]
        found.append([text for text in texts if "SAVEPOINT" not in text])

    assert found[0] == found[1]


def test_the_address_is_the_gates():
    assert views.BY_PATH[OBTAIN].name == "api:token-obtain"
