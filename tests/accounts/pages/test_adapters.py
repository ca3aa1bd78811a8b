"""Answer allauth's questions about sign-ins and sign-ups."""

import pytest
from allauth.account.internal.flows.email_verification_by_code import (
    EMAIL_VERIFICATION_CODE_SESSION_KEY,
)
from allauth.account.models import EmailAddress
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from django.contrib.auth.models import AnonymousUser
from django.contrib.messages import get_messages
from django.contrib.messages.storage.cookie import CookieStorage
from django.core.exceptions import PermissionDenied
from django.utils import translation

from accounts.errors import InactiveUserError
from accounts.pages.adapters import AccountAdapter
from accounts.people.models import User
from accounts.request import sign_in_of
from accounts.signins.models import AuthSession
from accounts.store.engine import SID, SessionStore
from tests.kit.factories import AuthSessionFactory, UserFactory

pytestmark = pytest.mark.django_db
OPTIONS = {
    "email_verification": "mandatory",
    "signal_kwargs": None,
    "email": None,
    "signup": False,
    "redirect_url": None,
}


@pytest.fixture
def request_here(rf):
    request = rf.post("/accounts/login/")
    request.user, request.session = AnonymousUser(), SessionStore()
    request._messages = CookieStorage(request)
    with context.request_context(request):
        yield request


@pytest.fixture
def adapter(request_here):
    return AccountAdapter(request_here)


# Sign-in


def test_a_demo_account_is_stopped_before_the_sign_in(adapter, request_here, user, settings):
    settings.REFUSED_EMAILS = {user.email}

    response = adapter.pre_login(request_here, user, **OPTIONS)

    assert response["Location"] == "/accounts/inactive/"


def test_a_new_visitor_forgets_the_code_of_an_earlier_one(adapter, request_here, user):
    request_here.session[EMAIL_VERIFICATION_CODE_SESSION_KEY] = {"email": "earlier@example.com"}

    adapter.pre_login(request_here, user, **OPTIONS)

    assert EMAIL_VERIFICATION_CODE_SESSION_KEY not in request_here.session


def test_a_sign_in_that_skipped_its_code_is_refused(adapter, request_here, user):
    sign_in_of(request_here).is_code_asked_for = True

    with pytest.raises(PermissionDenied):
        adapter.login(request_here, user)

    assert not AuthSession.objects.exists()


def test_a_demo_account_is_stopped_also_in_a_later_request(adapter, request_here, user, settings):
    settings.REFUSED_EMAILS = {user.email}

    with pytest.raises(ImmediateHttpResponse) as stopped:
        adapter.login(request_here, user)

    assert stopped.value.response["Location"] == "/accounts/inactive/"
    assert not AuthSession.objects.exists()


@pytest.mark.parametrize("kind", [None, AuthSession.Kind.TOKEN])
def test_an_account_disabled_meanwhile_is_not_signed_in(adapter, request_here, user, kind):
    """A page shows the answer for a disabled account; a call of the API raises the error."""
    User.objects.filter(pk=user.pk).update(is_active=False)
    request_here.session["kept"] = 1
    sign_in_of(request_here).kind = kind

    with pytest.raises(ImmediateHttpResponse if kind is None else InactiveUserError):
        adapter.login(request_here, user)

    assert not AuthSession.objects.exists()
    assert isinstance(request_here.user, AnonymousUser)
    assert request_here.session.is_empty()


def test_a_sign_in_ends_the_former_one_of_this_browser(adapter, request_here, user):
    """Its session no longer counts after a change of password, but its row is still active."""
    former = AuthSessionFactory(user=user)
    request_here.session[SID] = str(former.pk)

    adapter.login(request_here, user)

    former.refresh_from_db()
    assert former.revoked_reason == "logout"
    assert AuthSession.objects.active().count() == 1


@pytest.mark.parametrize(("kind", "shown"), [(None, 1), (AuthSession.Kind.TOKEN, 0)])
def test_messages_are_only_for_pages(adapter, request_here, kind, shown):
    sign_in_of(request_here).kind = kind

    adapter.add_message(request_here, 25, message="Saved.")

    assert len(list(get_messages(request_here))) == shown


# Sign-up


def test_a_new_user_has_the_language_of_the_request(adapter, request_here):
    with translation.override("ko-kr"):
        assert adapter.new_user(request_here).locale == "ko"


def test_the_address_of_an_invitation_counts_as_verified(adapter, request_here):
    sign_in_of(request_here).proved_email = "invited@example.com"

    assert adapter.is_email_verified(request_here, "invited@example.com")
    assert not adapter.is_email_verified(request_here, "another@example.com")


def test_an_address_that_another_account_proved_is_not_confirmed(adapter, request_here, user):
    other = UserFactory()
    late = EmailAddress.objects.create(user=user, email="late@example.com", verified=False)
    late.email = other.email

    assert not adapter.confirm_email(request_here, late)

    assert EmailAddress.objects.get(email=other.email, verified=True).user == other
