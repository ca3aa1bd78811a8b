"""Open sign-ins at Django's signal: what proved them, and what refuses them."""

import pytest
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.account.internal.flows.login import _AUTHENTICATION_METHODS_USER_SESSION_KEY
from allauth.socialaccount.models import SocialAccount
from django.core.exceptions import PermissionDenied

from accounts.errors import InactiveUserError
from accounts.pages import receivers
from accounts.request import sign_in_of
from accounts.signins.models import AuthSession
from accounts.store.engine import SID, SessionStore
from tests.kit.clients import sign_in
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.factors import enrol_app, enrol_passkey

pytestmark = pytest.mark.django_db
PROVIDER = {"method": "socialaccount", "provider": "kakao", "uid": "7"}


@pytest.fixture
def request_with(rf, user):
    """Make a request of a new session in which the user gave these proofs."""

    def make(*records):
        request = rf.post("/accounts/login/")
        request.session = SessionStore()
        request.session[_AUTHENTICATION_METHODS_USER_SESSION_KEY] = str(user.pk)
        request.session[AUTHENTICATION_METHODS_SESSION_KEY] = list(records)
        return request

    return make


def open_by(request, user):
    request.user = user
    receivers.open_session(request=request, user=user)
    return AuthSession.objects.get(pk=request.session[SID])


@pytest.mark.parametrize(
    ("records", "amr"),
    [
        ([], []),
        ([{"method": "password"}], ["pwd"]),
        ([{"method": "code", "email": "a@example.com"}], ["otp"]),
        ([{"method": "legacy_token"}], ["legacy_token"]),
        ([PROVIDER], ["kakao"]),
        ([{"method": "password"}, {"method": "mfa", "type": "totp"}], ["pwd", "otp", "mfa"]),
        ([{"method": "password"}, {"method": "password"}], ["pwd"]),
        ([{"method": "phone"}], ["phone"]),
    ],
)
def test_the_row_names_each_method_once_in_order(request_with, user, records, amr):
    SocialAccount.objects.create(user=user, provider="kakao", uid="7")

    assert open_by(request_with(*records), user).amr == amr


def test_proofs_of_another_user_count_for_nothing(request_with, user):
    request = request_with({"method": "password"}, PROVIDER)

    assert open_by(request, UserFactory()).amr == []


@pytest.mark.parametrize(
    ("records", "through"),
    [
        ([], None),
        ([{"method": "password"}], None),
        ([PROVIDER], ("kakao", "7")),
        ([PROVIDER, {"method": "mfa", "type": "totp"}], ("kakao", "7")),
        # The password came last, so it opens the sign-in.
        ([PROVIDER, {"method": "password"}], None),
    ],
)
def test_the_connection_counts_unless_another_proof_followed(request_with, user, records, through):
    assert receivers._through(request_with(*records), user) == through


def test_a_sign_in_by_an_ended_connection_is_refused(request_with, user):
    with pytest.raises(InactiveUserError):
        open_by(request_with(PROVIDER), user)

    assert not AuthSession.objects.exists()


def test_an_account_with_a_factor_is_refused_without_the_second_step(request_with, user):
    """The pipeline asks first. This holds for a door that forgets it."""
    enrol_app(user)

    with pytest.raises(InactiveUserError):
        open_by(request_with({"method": "password"}), user)

    assert list(AuthSession.objects.values_list("revoked_reason", flat=True)) == ["unfinished"]


def test_a_sign_in_by_a_passkey_removed_meanwhile_is_refused(request_with, user):
    enrol_passkey(user)
    row = user.authenticator_set.get()
    request = request_with(
        {"method": "mfa", "type": "webauthn", "id": row.pk, "passwordless": True}
    )
    row.delete()

    with pytest.raises(InactiveUserError):
        open_by(request, user)

    assert list(AuthSession.objects.values_list("revoked_reason", flat=True)) == ["unfinished"]


def test_signing_in_again_ends_the_former_sign_in_of_the_session(request_with, user):
    request = request_with({"method": "password"})
    first = open_by(request, user)
    second = open_by(request, user)
    first.refresh_from_db()

    assert (first.revoked_reason, second.revoked_reason) == ("logout", "")
    assert sign_in_of(request).opened == second


def test_a_session_keeps_the_last_eight_records(request_with):
    request = request_with(*({"method": "password", "at": number} for number in range(20)))

    receivers.limit_records(request=request)

    records = request.session[AUTHENTICATION_METHODS_SESSION_KEY]
    assert [record["at"] for record in records] == list(range(12, 20))


def test_a_code_for_a_former_address_is_refused_and_ends_the_session(request_with, user):
    request = request_with()
    request.session["kept"] = 1

    with pytest.raises(PermissionDenied):
        receivers.refuse_code_of_former_address(
            request=request, user=user, method="code", email="former@example.com"
        )

    assert request.session.is_empty()


def test_a_code_for_the_own_address_is_accepted(request_with, user):
    request = request_with({"method": "code"})

    receivers.refuse_code_of_former_address(
        request=request, user=user, method="code", email=user.email
    )

    assert not request.session.is_empty()


def test_a_sign_out_without_a_user_ends_nothing(signed_in, rf):
    receivers.revoke_session(request=rf.post("/accounts/logout/"), user=None)

    assert AuthSession.objects.get().revoked_at is None


def test_a_sign_in_by_password_forgets_the_provider_used_last(browser, user, settings):
    name = settings.LAST_USED_COOKIE_NAME
    browser.cookies[name] = "kakao"

    response = sign_in(browser, user, PASSWORD)

    assert response.cookies[name]["max-age"] == 0
