"""Pages of a user who is signed in, at their fullest and at their emptiest."""

from tests.gallery import people
from tests.gallery.people import FULL, LEAVING, NEW
from tests.gallery.scene import at, scene
from tests.gallery.stage import Stage

CHANGE = "/accounts/password/change/"

at("overview", "accounts:home", "/accounts/", person=FULL)
at("overview-new", "accounts:home", "/accounts/", person=NEW)
at("overview-demo", "accounts:home", "/accounts/", role="admin")
at("profile", "accounts:profile", "/accounts/profile/", person=FULL)
at("activity", "accounts:activity", "/accounts/activity/", person=FULL)
at("devices", "accounts:session-list", "/accounts/sessions/", person=FULL)
at("devices-new", "accounts:session-list", "/accounts/sessions/", person=NEW)
at("connections", "socialaccount_connections", "/accounts/3rdparty/", person=FULL)
at("connections-new", "socialaccount_connections", "/accounts/3rdparty/", person=NEW)
at("sign-out", "account_logout", "/accounts/logout/", person=FULL)
at("email", "account_email", "/accounts/email/", person=FULL)
at("password", "account_change_password", CHANGE, person=FULL)
at("delete", "accounts:deletion", "/accounts/delete/", person=NEW)
at("confirm", "account_reauthenticate", "/accounts/reauthenticate/", person=FULL)
at(
    "confirm-by-provider",
    "account_reauthenticate_by_provider",
    "/accounts/reauthenticate/by/kakao/",
    person=FULL,
)


@scene("activity-next", "accounts:activity")
def activity_next(stage: Stage) -> None:
    stage.enter(FULL)
    stage.go("/accounts/activity/")
    stage.press("a[rel=next]")


@scene("devices-next", "accounts:session-list")
def devices_next(stage: Stage) -> None:
    stage.enter(FULL)
    stage.go("/accounts/sessions/")
    stage.press("a[rel=next]")


@scene("profile-saved", "accounts:profile")
def profile_saved(stage: Stage) -> None:
    stage.enter(NEW)
    stage.go("/accounts/profile/")
    stage.send(display_name="")


@scene("profile-refused", "accounts:profile")
def profile_refused(stage: Stage) -> None:
    stage.enter(NEW)
    stage.go("/accounts/profile/")
    stage.page.evaluate("() => document.querySelector('[name=display_name]').maxLength = 999")
    stage.send(display_name="가나다라 " * 20)


@scene("devices-signed-out", "accounts:session-list")
def devices_signed_out(stage: Stage) -> None:
    """End the last one: the first is the browser of the other language."""
    stage.enter(FULL)
    stage.go("/accounts/sessions/")
    stage.press(".devices .row:last-child form button")


@scene("email-refused", "account_email")
def email_refused(stage: Stage) -> None:
    stage.enter(FULL)
    stage.go("/accounts/email/")
    stage.send("[name=action_add]", email="no address")


@scene("email-code", "account_email_verification_sent")
def email_code(stage: Stage) -> None:
    stage.enter(NEW)
    stage.go("/accounts/email/")
    stage.send("[name=action_add]", email="a.new.and.rather.long.address@example.com")


@scene("email-waiting", "account_email")
def email_waiting(stage: Stage) -> None:
    email_code(stage)
    stage.go("/accounts/email/")


@scene("password-refused", "account_change_password")
def password_refused(stage: Stage) -> None:
    stage.enter(FULL)
    stage.go(CHANGE)
    stage.send(oldpassword="not the password", password1="short")


@scene("deleted", "account_login")
def deleted(stage: Stage) -> None:
    stage.enter_afresh(LEAVING)
    stage.go("/accounts/delete/")
    stage.press()


@scene("deletion-undone", "accounts:home")
def deletion_undone(stage: Stage) -> None:
    deleted(stage)
    stage.enter_afresh(LEAVING)


@scene("confirm-refused", "account_reauthenticate")
def confirm_refused(stage: Stage) -> None:
    stage.enter(FULL)
    stage.go("/accounts/reauthenticate/")
    stage.send(password="not the password")


@scene("confirm-by-code", "account_request_reauthentication_code")
def confirm_by_code(stage: Stage) -> None:
    stage.enter(people.FULL)
    stage.go("/accounts/reauthenticate/code/")


@scene("confirm-code", "account_confirm_reauthentication_code")
def confirm_code(stage: Stage) -> None:
    stage.enter(people.FULL)
    stage.go("/accounts/reauthenticate/code/")
    stage.press()
