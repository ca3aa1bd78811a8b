"""List the signed-in devices, and end one or all others."""

import re
from uuid import uuid4

from accounts.signins import sessions
from accounts.signins.models import AuthSession
from tests.kit.clients import bearer, is_signed_in, sign_in
from tests.kit.factories import AuthSessionFactory


def test_the_devices_page_lists_own_devices_with_this_one_first(signed_in, user):
    AuthSessionFactory(user=user, user_agent="curl/8.1")
    AuthSessionFactory(user_agent="strangers-client/1")

    response = signed_in.get("/accounts/sessions/")

    assert response.status_code == 200
    assert response.text.index("Chrome · Windows") < response.text.index("curl")
    assert "strangers-client" not in response.text


def test_the_devices_page_ends_a_device(signed_in, another_browser, user):
    sign_in(another_browser, user)
    other = AuthSession.objects.latest("created_at")

    response = signed_in.post(f"/accounts/sessions/{other.pk}/revoke/")

    assert response["Location"] == "/accounts/sessions/"
    assert not is_signed_in(another_browser)
    assert is_signed_in(signed_in)
    other.refresh_from_db()
    assert other.revoked_reason == "other_device"


def test_another_users_device_looks_as_if_it_never_was_there(signed_in, user):
    strangers, ended = AuthSessionFactory(), AuthSessionFactory(user=user)
    sessions.revoke(ended, reason=sessions.Reason.LOGOUT)
    seen = []
    for sid in (strangers.pk, ended.pk, uuid4()):
        answer = signed_in.post(f"/accounts/sessions/{sid}/revoke/")
        page = signed_in.get("/accounts/sessions/").text
        seen.append((answer.status_code, answer["Location"], without_random(page)))

    assert seen[0] == seen[1] == seen[2]
    assert seen[0][:2] == (302, "/accounts/sessions/")
    assert "That device is signed out already." in seen[0][2]
    strangers.refresh_from_db()
    assert strangers.revoked_at is None


def without_random(text):
    """Return the page without what differs each time, and without its times, such as "now" and "1 second ago"."""
    return re.sub(r'(value|nonce)="[^"]{16,}"|>[^<]*</time>', "", text)


def test_a_get_request_does_not_end_a_device(signed_in, user):
    other = AuthSessionFactory(user=user)

    response = signed_in.get(f"/accounts/sessions/{other.pk}/revoke/")

    assert response.status_code == 405
    other.refresh_from_db()
    assert other.revoked_at is None


def test_all_other_devices_are_ended_at_once(signed_in, another_browser, obtain, user, client):
    sign_in(another_browser, user)
    pair = obtain(user)

    signed_in.post("/accounts/sessions/revoke-others/")

    assert is_signed_in(signed_in)
    assert not is_signed_in(another_browser)
    assert client.get("/api/me/", headers=bearer(pair["access"])).status_code == 401


def test_a_message_is_shown_once(signed_in, user):
    other = AuthSessionFactory(user=user)

    first = signed_in.post(f"/accounts/sessions/{other.pk}/revoke/", follow=True)
    second = signed_in.get("/accounts/sessions/")

    assert "was signed out" in first.text
    assert "was signed out" not in second.text
