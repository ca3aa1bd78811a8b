"""Show the profile and the security activity of the own account only."""

import pytest

from accounts.audit.models import AuditEvent
from tests.kit.factories import AuthSessionFactory, UserFactory


def test_the_activity_page_shows_own_events_only(signed_in, user):
    AuthSessionFactory()
    AuditEvent.objects.create(
        type="login.failed", identifier="other@example.com", user=UserFactory()
    )

    response = signed_in.get("/accounts/activity/")

    assert response.status_code == 200
    assert "other@example.com" not in response.text
    assert {event.user for event in response.context["events"]} == {user}


@pytest.mark.parametrize("path", ["/accounts/sessions/", "/accounts/activity/"])
@pytest.mark.parametrize("cursor", ["0", "-1", "x", "9" * 30, "<script>"])
def test_a_made_up_cursor_is_a_404_with_a_page(signed_in, path, cursor):
    response = signed_in.get(path, {"after": cursor})

    assert response.status_code == 404
    assert "Not found" in response.text


def test_saving_the_profile_sets_the_language_cookie(signed_in, user):
    response = signed_in.post("/accounts/profile/", {"display_name": "김하나", "locale": "ko"})

    assert response.status_code == 302
    user.refresh_from_db()
    assert (user.display_name, user.locale) == ("김하나", "ko")
    assert signed_in.get("/accounts/").headers["Content-Language"] == "ko"
