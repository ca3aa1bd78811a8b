"""The sample of each source: what comes of it, and what the report says about the rest."""

from datetime import UTC, datetime

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import decrypt
from allauth.socialaccount.models import SocialAccount

from accounts.moving.models import ExternalId
from accounts.people.models import User
from config.settings import auth
from tests.kit.foreign_hashes import FIREBASE
from tests.kit.moving import PARAMETERS

THERE = "a password there"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DP"
GOOGLE, KAKAO = ("google", "117000000000000000001"), ("kakao", "4100000001")


@pytest.fixture(autouse=True)
def ours(settings):
    settings.PASSWORD_HASHERS = auth.PASSWORD_HASHERS


def hana():
    return User.objects.get(email="hana@example.com")


def connections(user):
    rows = SocialAccount.objects.filter(user=user).order_by("provider")
    return list(rows.values_list("provider", "uid"))


def app_of(user):
    return decrypt(Authenticator.objects.get(user=user, type="totp").data["secret"]).rstrip("=")


def is_verified(user):
    return EmailAddress.objects.filter(user=user, email=user.email, verified=True).exists()


def test_firebase(bring):
    ran = bring("firebase", "firebase.json", "--hash-parameters", PARAMETERS)

    assert "2 accounts came, 0 came before, 2 can't come." in ran.output
    assert ran.status == 3
    user, disabled = hana(), User.objects.get(email="disabled@example.com")
    assert (user.display_name, user.is_active, is_verified(user)) == ("김하나", True, True)
    assert user.date_joined == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert connections(user) == [GOOGLE, KAKAO]
    assert user.check_password(FIREBASE["password"])
    assert (disabled.is_active, is_verified(disabled)) == (False, False)
    assert disabled.check_password(FIREBASE["password"])
    assert connections(disabled) == [("apple", "001234.abcdef.0001")]
    assert ran.reasons("refused") == [("fb-phone", "no_email"), ("fb-anonymous", "no_email")]
    assert ran.reasons("without") == [
        ("fb-disabled", reason) for reason in ("provider", "phone", "factor", "claims")
    ]


def test_firebase_without_parameters_brings_no_hashes(bring):
    ran = bring("firebase", "firebase.json")

    assert ("fb-hana", "hash_unknown") in ran.reasons("without")
    assert not hana().has_usable_password()


def test_auth0(bring):
    ran = bring("auth0", "auth0.jsonl")

    user = hana()
    assert user.check_password(THERE)
    assert (user.display_name, user.locale, is_verified(user)) == ("", "ko", True)
    assert app_of(user) == SECRET
    google = User.objects.get(email="google@example.com")
    assert (connections(google), google.display_name) == ([GOOGLE], "Google Person")
    kakao = User.objects.get(email="kakao@example.com")
    assert (connections(kakao), kakao.is_active, is_verified(kakao)) == ([KAKAO], False, False)
    assert ran.reasons("refused") == [("sms|5f7c", "no_email")]
    assert ran.reasons("without") == [("auth0|5f7c8ec7c33c6c004bbafe82", "claims")]


def test_keycloak(bring):
    ran = bring("keycloak", "keycloak.json")

    user, two = hana(), User.objects.get(email="two@example.com")
    assert str(user.pk) == "0a4b1a36-4d6e-4b93-9a07-4c8b5a6c0001"
    assert (user.display_name, user.locale, is_verified(user)) == ("김하나", "ko", True)
    assert user.check_password(THERE)
    assert connections(user) == [GOOGLE]
    assert app_of(user) == "IJLVA6KNMJMFO3TXNM4VURSTJVQXCS2R"
    assert (two.display_name, two.is_active, two.check_password(THERE)) == (
        "Two Person",
        False,
        True,
    )
    assert not Authenticator.objects.filter(user=two).exists()
    assert [reason for _, reason in ran.reasons("refused")] == ["no_email"]
    assert [reason for _, reason in ran.reasons("without")] == [
        *("groups", "totp_unsupported", "factor", "provider")
    ]


def test_supabase(bring):
    ran = bring("supabase", "supabase.jsonl")

    user = hana()
    assert str(user.pk) == "1b4b1a36-4d6e-4b93-9a07-4c8b5a6c0001"
    assert (user.display_name, is_verified(user), user.check_password(THERE)) == (
        *("김하나", True),
        True,
    )
    assert (connections(user), app_of(user)) == ([KAKAO], SECRET)
    banned = User.objects.get(email="banned@example.com")
    assert (banned.is_active, banned.has_usable_password()) == (False, False)
    assert [reason for _, reason in ran.reasons("refused")] == ["deleted", "anonymous"]
    assert [reason for _, reason in ran.reasons("without")] == ["ban", "phone"]


def test_cognito(bring):
    ran = bring("cognito", "cognito.json")

    user, google = hana(), User.objects.get(email="google@example.com")
    assert (user.display_name, user.locale, is_verified(user)) == ("김하나", "ko", True)
    assert user.date_joined == datetime(2024, 3, 1, 9, 0, 0, 123000, tzinfo=UTC)
    assert not user.has_usable_password()
    assert (connections(google), google.is_active, is_verified(google)) == ([GOOGLE], False, False)
    assert [reason for _, reason in ran.reasons("refused")] == ["no_email"]
    assert [reason for _, reason in ran.reasons("without")] == ["claims"]


def test_clerk(bring):
    ran = bring("clerk", "clerk.csv")

    user, two = hana(), User.objects.get(email="two@example.com")
    assert (user.display_name, is_verified(user), user.check_password(THERE)) == (
        *("Hana Kim", True),
        True,
    )
    assert app_of(user) == SECRET
    assert (is_verified(two), two.check_password(THERE)) == (False, True)
    assert not User.objects.get(email="weak@example.com").has_usable_password()
    assert ran.reasons("refused") == [("user_2ccc", "no_email")]
    assert ran.reasons("without") == [
        ("user_2aaa", "address"),
        ("user_2bbb", "phone"),
        ("user_2ddd", "hash_unknown"),
    ]


def test_plain_csv(bring):
    ran = bring("csv", "plain.csv")

    user, two = hana(), User.objects.get(email="two@example.com")
    assert (user.display_name, user.locale, user.check_password(THERE)) == ("김하나", "ko", True)
    assert connections(user) == [KAKAO, ("naver", "naver-1")]
    assert (is_verified(user), is_verified(two), two.is_active) == (True, False, False)
    assert ran.reasons("refused") == [("3", "bad_email")]


def test_django(bring):
    ran = bring("django", "django.json")

    user, two = hana(), User.objects.get(email="two@example.com")
    assert (user.display_name, user.check_password(THERE)) == ("김하나", True)
    assert (user.is_staff, user.is_superuser, user.groups.count()) == (False, False, 0)
    assert (is_verified(user), two.is_active, two.has_usable_password()) == (False, False, False)
    assert ran.reasons("refused") == [("3", "no_email")]
    assert ran.reasons("without") == [("1", "permissions"), ("1", "staff"), ("1", "groups")]


def test_djangos_addresses_are_proved_if_the_operator_says_so(bring):
    bring("django", "django.json", "--trust-emails")

    assert is_verified(hana())


def test_allauth(bring):
    ran = bring("allauth", "allauth.json", "--trust-emails")

    user, two = hana(), User.objects.get(email="two@example.com")
    assert (is_verified(user), is_verified(two)) == (True, False)
    assert (connections(user), connections(two)) == ([KAKAO], [])
    assert app_of(user) == SECRET
    assert ran.reasons("refused") == [("3", "no_email"), ("", "no_user")]
    assert ("1", "address") in ran.reasons("without")
    assert ("1", "factor") in ran.reasons("without")
    assert ("2", "provider") in ran.reasons("without")


def test_dj_rest_auth_with_django_otp(bring):
    ran = bring("dj-rest-auth", "dj-rest-auth.jsonl")

    assert ran.status == 0
    assert (is_verified(hana()), hana().check_password(THERE)) == (True, True)
    assert app_of(hana()) == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert ExternalId.objects.get().source == "dj-rest-auth"
