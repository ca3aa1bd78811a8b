"""What a visitor sees when something fails."""

from tests.gallery import people
from tests.gallery.scene import at, scene
from tests.gallery.stage import Stage

for _status in (400, 403, 429, 500, 503):
    at(f"error-{_status}", "gallery-error", f"/gallery/{_status}/", status=_status)

at("error-404", "", "/nowhere/", status=404)
at(
    "error-405",
    "accounts:session-revoke-others",
    "/accounts/sessions/revoke-others/",
    status=405,
    person=people.NEW,
)


@scene("form-expired", "account_login", status=403)
def form_expired(stage: Stage) -> None:
    """The form is older than the browser's CSRF cookie."""
    stage.go("/accounts/login/")
    stage.context.clear_cookies()
    stage.send("form:has([name=password]) .actions button", login="a@example.com", password="x")


@scene("form-too-large", "account_login", status=413)
def form_too_large(stage: Stage) -> None:
    stage.go("/accounts/login/")
    stage.send(
        "form:has([name=password]) .actions button", login="a@example.com", password="x" * 70_000
    )


at("address-too-long", "account_login", f"/accounts/login/?q={'a' * 12_000}", status=414)


@scene("cookies-unreadable", "account_login", status=400)
def cookies_unreadable(stage: Stage) -> None:
    """A script of a sister site has set a cookie with a Korean letter."""
    stage.go("/accounts/login/")
    stage.page.evaluate("document.cookie = 'ad=한글'")
    stage.go("/accounts/login/")
