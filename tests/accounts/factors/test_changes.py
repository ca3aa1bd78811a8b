"""Add and remove factors, and delete a user who has some."""

import pytest
from allauth.mfa.models import Authenticator

from accounts.audit.models import AuditEvent
from accounts.client_info import ClientInfo
from accounts.errors import ConflictError, SessionEndedError
from accounts.factors import changes
from accounts.factors.passkeys import answers, credentials, options
from accounts.factors.passkeys import enrolment as passkeys
from accounts.factors.passkeys.challenges import Purpose
from accounts.factors.passkeys.errors import PasskeyError
from accounts.people.models import User
from accounts.signins import sessions
from tests.kit.factories import AuthSessionFactory, UserFactory
from tests.kit.factors import enrol, enrol_app, enrol_passkey
from tests.kit.passkeys import SoftAuthenticator
from tests.kit.racing import at_once

FIREFOX = ClientInfo(ip="192.0.2.1", user_agent="Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0")


def test_a_deleted_user_takes_the_factors_along(user):
    enrol(user)

    user.delete()

    assert not Authenticator.objects.exists()


# Passkeys


def add_passkey(user, session=None, **options_):
    credential = SoftAuthenticator().create(options.creation(user, is_passkey=True))
    new = answers.register(credential, user)
    session = session or AuthSessionFactory(user=user)
    return changes.add_passkey(user, new, session=session, client=FIREFOX, **options_)


@pytest.mark.parametrize("kind", ["passkey", "app"])
def test_a_sign_in_that_has_just_ended_adds_no_factor(user, kind):
    """The owner ends it while the thief's request runs."""
    session = AuthSessionFactory(user=user)
    sessions.revoke_all(user, reason=sessions.Reason.DENIED)

    with pytest.raises(SessionEndedError):
        if kind == "passkey":
            add_passkey(user, session)
        else:
            changes.add_app(user, "A" * 32, step=1, session=session, client=FIREFOX)
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize("kind", ["passkey", "app"])
def test_a_sign_in_with_a_former_password_adds_no_factor(user, kind):
    """It is at the stage that asks for a new factor while the owner changes the password."""
    slow = User.objects.get()
    user.set_password("another long password")
    user.save()

    with pytest.raises(SessionEndedError):
        if kind == "passkey":
            add_passkey(slow)
        else:
            changes.add_app(slow, "A" * 32, step=1, session=None, client=FIREFOX)
    assert not Authenticator.objects.exists()


def test_a_passkey_without_a_name_gets_that_of_its_maker(user):
    row, _ = add_passkey(user)
    phone = SoftAuthenticator(aaguid=bytes.fromhex("fbfc3007154e4ecc8c0b6e020557d7bd"))
    enrol_passkey(user, phone)
    named, _ = add_passkey(user, name=" My\n\u202ephone ")

    names = [each.data["name"] for each in credentials.of(user)]
    assert names == [row.data["name"], "iCloud", named.data["name"]]
    assert row.data["name"] == FIREFOX.device
    assert named.data["name"] == "My phone"


def test_the_first_passkey_ends_all_other_sign_ins(user, deliver):
    mine, other = AuthSessionFactory(user=user), AuthSessionFactory(user=user)
    _, plain = add_passkey(user, mine)
    later = AuthSessionFactory(user=user)
    _, no_more = add_passkey(user, mine)

    for each in (mine, other, later):
        each.refresh_from_db()
    assert [each.revoked_reason for each in (mine, other, later)] == ["", "factor_added", ""]
    assert mine.amr[-3:] == ["pop", "user", "mfa"]
    assert len(plain) == 10
    assert no_more == []
    assert [e.reason for e in AuditEvent.objects.filter(type="factor.added")] == ["webauthn"] * 2
    assert "Passkey" in deliver()[0].body


@pytest.mark.slow
def test_an_account_has_at_most_twenty_passkeys(user):
    for _ in range(20):
        add_passkey(user)

    with pytest.raises(PasskeyError) as refused:
        add_passkey(user)

    assert refused.value.code == "passkey_too_many"
    assert len(credentials.of(user)) == 20


def test_one_credential_belongs_to_one_account(user):
    phone, other = enrol_passkey(user), UserFactory()

    with pytest.raises(PasskeyError) as refused:
        enrol_passkey(other, phone, credential_id=phone.passkey.credential_id)

    assert refused.value.code == "passkey_known"
    assert not Authenticator.objects.filter(user=other).exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_accounts_that_add_one_credential_one_wins(user):
    phone, accounts = SoftAuthenticator(), [user, UserFactory()]
    same = {"credential_id": b"x" * 32}

    found = at_once(2, lambda number: enrol_passkey(accounts[number], phone, **same))

    assert [getattr(each, "code", "added") for each in found].count("passkey_known") == 1
    assert Authenticator.objects.count() == 1


def test_removing_the_last_passkey_removes_the_recovery_codes(user, deliver):
    first, second = (add_passkey(user)[0] for _ in range(2))

    assert changes.remove_passkey(user, first.pk, client=FIREFOX)
    assert Authenticator.objects.count() == 2
    assert changes.remove_passkey(user, second.pk, client=FIREFOX)
    assert Authenticator.objects.count() == 0
    assert [e.reason for e in AuditEvent.objects.filter(type="factor.removed")] == ["webauthn"] * 2
    assert "no longer" in deliver()[-1].body


def test_nobody_removes_a_passkey_of_another_account(user):
    row, _ = add_passkey(user)

    assert not changes.remove_passkey(UserFactory(), row.pk, client=FIREFOX)
    assert not changes.remove_passkey(user, row.pk + 1, client=FIREFOX)
    assert credentials.of(user) == [row]


def test_renaming_keeps_what_an_answer_writes_meanwhile(user):
    phone = enrol_passkey(user)
    (as_read,) = credentials.of(user)
    answers.check(phone.get(options.request(Purpose.SIGN_IN)), Purpose.SIGN_IN)

    assert passkeys.rename(as_read, "My phone")
    (row,) = credentials.of(user)
    assert row.data["name"] == "My phone"
    assert row.last_used_at is not None
    assert not passkeys.rename(row, " \n ")


def test_an_account_has_one_app(user):
    """The page asks first, but two pages may be open."""
    enrol_app(user)
    session = AuthSessionFactory(user=user)

    with pytest.raises(ConflictError):
        changes.add_app(user, "JBSWY3DPEHPK3PXP", step=1, session=session, client=ClientInfo())

    assert Authenticator.objects.filter(user=user, type="totp").count() == 1


def test_an_account_without_another_factor_gets_no_recovery_codes(user):
    assert changes.replace_recovery_codes(user, client=FIREFOX) is None
    assert not Authenticator.objects.exists()
    assert not AuditEvent.objects.exists()


def test_a_passkey_removed_meanwhile_is_not_renamed(user):
    enrol_passkey(user)
    row = Authenticator.objects.get(type="webauthn")
    Authenticator.objects.all().delete()

    assert not passkeys.rename(row, "Phone")
    assert not Authenticator.objects.exists()
