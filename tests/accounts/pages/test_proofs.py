"""Offer the proofs that a user can give, and accept only those that are listed."""

import pytest
from allauth.account.models import EmailAddress

from accounts.pages import proofs
from accounts.signins import proofs as rule
from accounts.signins.models import AuthSession
from tests.kit.clients import sign_in
from tests.kit.proofs import let_proofs_age

pytestmark = pytest.mark.django_db


@pytest.fixture
def request_of(signed_in, rf, user):
    """Return a request with the session of the signed-in browser, an hour after the sign-in."""
    let_proofs_age()
    request = rf.get("/")
    request.user, request.session = user, signed_in.session
    return request


@pytest.mark.parametrize(
    ("method", "record", "amr"),
    [
        ("password", {}, ["pwd"]),
        ("code", {"email": "a@example.com"}, ["pwd", "otp"]),
        ("socialaccount", {"provider": "kakao", "uid": "1"}, ["pwd", "kakao"]),
    ],
)
def test_a_listed_method_proves_the_sign_in(request_of, method, record, amr):
    proofs.accept(request_of, method, record)
    session = AuthSession.objects.get()

    assert rule.is_fresh(session)
    assert session.amr == amr


@pytest.mark.parametrize("method", ["password_reset", "mfa", "", "phone"])
def test_a_method_that_is_not_listed_proves_nothing(request_of, method):
    proofs.accept(request_of, method, {})

    assert not rule.is_fresh(AuthSession.objects.get())


def test_a_request_without_a_sign_in_proves_nothing(rf, user):
    AuthSession.objects.all().delete()
    request = rf.get("/")
    request.user, request.session = user, {}

    proofs.accept(request, "password", {})

    assert not AuthSession.objects.exists()


def test_a_user_with_nothing_to_prove_by_is_refused(signed_in, user):
    """No door creates such an account, but a database may hold one."""
    let_proofs_age()
    user.set_unusable_password()
    type(user).objects.filter(pk=user.pk).update(password=user.password)
    EmailAddress.objects.update(verified=False)

    assert proofs.ways(user) == []
    assert proofs.flows(user) == []


def test_a_page_refuses_a_user_with_nothing_to_prove_by(client, user):
    EmailAddress.objects.filter(user=user).update(verified=True)
    sign_in(client, user)
    let_proofs_age()
    EmailAddress.objects.update(verified=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(user), "has_usable_password", lambda _: False)
        client.raise_request_exception = False
        answer = client.post("/accounts/sessions/revoke-others/")

    assert answer.status_code == 403
