"""Check passwords as allauth's adapter, and save new ones."""

import pytest
from allauth.core import context
from django.core.exceptions import ValidationError
from django.db import DatabaseError
from redis.exceptions import ConnectionError as RedisDownError

from accounts.audit.models import AuditEvent
from accounts.errors import SessionEndedError, SignUpPendingError, TooManyRequestsError
from accounts.pages import decoys
from accounts.pages.adapters import AccountAdapter
from accounts.pages.mails import MailsByOutbox
from accounts.people.models import User
from accounts.people.passwords import MAX_LENGTH
from accounts.request import sign_in_of
from tests.kit.factories import PASSWORD

pytestmark = pytest.mark.django_db
NEW = "a wholly new passphrase"


@pytest.fixture
def request_here(rf):
    request = rf.post("/accounts/login/")
    with context.request_context(request):
        yield request


@pytest.fixture
def authenticate(request_here, user):
    def run(password=PASSWORD, email=None):
        adapter = AccountAdapter(request_here)
        return adapter.authenticate(request_here, email=email or user.email, password=password)

    return run


def recorded():
    return list(AuditEvent.objects.order_by("id").values_list("type", "reason"))


def test_the_right_password_returns_the_user_and_records_nothing(authenticate, user):
    assert authenticate() == user
    assert recorded() == []


@pytest.mark.parametrize("spelling", [" {} ", "{}"])
def test_the_email_is_taken_in_any_spelling(authenticate, user, spelling):
    assert authenticate(email=spelling.format(user.email.upper())) == user


def test_a_wrong_password_returns_none_and_is_recorded(authenticate):
    assert authenticate("wrong") is None
    assert recorded() == [("login.failed", "wrong_password")]


def test_an_unknown_email_returns_none_and_is_recorded(authenticate):
    assert authenticate(email="nobody@example.com") is None
    assert recorded() == [("login.failed", "unknown_user")]


def test_a_disabled_account_returns_none_and_is_recorded(authenticate, user):
    User.objects.filter(pk=user.pk).update(is_active=False)

    assert authenticate() is None
    assert recorded() == [("login.failed", "user_inactive")]


def test_a_demo_account_returns_none_outside_the_demo(authenticate, user, settings):
    settings.REFUSED_EMAILS = {user.email}

    assert authenticate() is None
    assert recorded() == [("login.failed", "wrong_password")]


def test_a_password_too_long_returns_none_without_a_hash(authenticate, monkeypatch):
    monkeypatch.setattr(MailsByOutbox, "authenticate", lambda *_, **__: pytest.fail("hashed"))

    assert authenticate("x" * (MAX_LENGTH + 1)) is None
    assert recorded() == [("login.failed", "wrong_password")]


@pytest.mark.parametrize("error", [DatabaseError, RedisDownError])
def test_an_error_of_ours_gives_the_attempt_back(authenticate, monkeypatch, error):
    def fail(*args, **kwargs):
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(MailsByOutbox, "authenticate", fail)
        for _ in range(6):
            with pytest.raises(error):
                authenticate()

    assert authenticate() is not None


def test_the_sixth_wrong_password_is_refused(authenticate):
    for _ in range(5):
        authenticate("wrong")

    with pytest.raises(TooManyRequestsError):
        authenticate()


def test_the_password_of_a_decoy_says_that_a_sign_up_waits(authenticate, user):
    decoys.leave(user.email, _hash("decoy words"))

    with pytest.raises(SignUpPendingError):
        authenticate("decoy words")


def test_a_proof_by_the_password_of_a_decoy_is_wrong(request_here, user):
    decoys.leave(user.email, _hash("decoy words"))
    request_here.user, request_here.session = user, {}

    assert not AccountAdapter(request_here).reauthenticate(user, "decoy words")
    assert sign_in_of(request_here).proving is None


def _hash(password):
    user = User()
    user.set_password(password)
    return user.password


def test_a_new_password_is_saved_with_a_new_version(request_here, user):
    before = user.password_version

    AccountAdapter(request_here).set_password(user, NEW)

    stored = User.objects.get(pk=user.pk)
    assert stored.check_password(NEW)
    assert stored.password_version != before


def test_a_new_password_is_refused_if_another_change_came_first(request_here, user):
    slow = User.objects.get(pk=user.pk)
    AccountAdapter(request_here).set_password(user, NEW)

    with pytest.raises(SessionEndedError):
        AccountAdapter(request_here).set_password(slow, "the words of a thief")

    assert User.objects.get(pk=user.pk).check_password(NEW)


def test_a_megabyte_is_refused_by_its_length_alone(request_here, user, monkeypatch):
    monkeypatch.setattr(MailsByOutbox, "clean_password", lambda *_: pytest.fail("compared"))

    with pytest.raises(ValidationError) as refused:
        AccountAdapter(request_here).clean_password(f"{user.email} " * 50_000, user)

    assert [error.code for error in refused.value.error_list] == ["password_too_long"]
