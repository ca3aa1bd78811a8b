"""Ways in: sign-in, sign-up, password reset, and the codes between them."""

from uuid import uuid4

from tests.gallery import people
from tests.gallery.scene import at, scene
from tests.gallery.stage import Stage
from tests.kit.embedded import KAKAOTALK_ANDROID

LOGIN = "form:has([name=password]) .actions button"

at("sign-in", "account_login", "/accounts/login/")
at("sign-in-to-go-on", "account_login", "/accounts/login/?next=/accounts/sessions/")
at("sign-up", "account_signup", "/accounts/signup/")
at("invitation", "account_signup", f"/accounts/invitation/{people.INVITED}/")
at("invitation-of-an-account", "account_login", f"/accounts/invitation/{people.FULL}/")
at("invitation-ended", "account_signup", "/accounts/invitation/ended/")
at("disabled", "account_inactive", "/accounts/inactive/")
at("ended", "accounts:ended", "/accounts/ended/?reason=password_changed")
at("reset", "account_reset_password", "/accounts/password/reset/")
at("reset-asked", "account_reset_password_done", "/accounts/password/reset/done/")
at("reset-done", "account_reset_password_from_key_done", "/accounts/password/reset/key/done/")
at(
    "reset-link-used",
    "account_reset_password_from_key",
    "/accounts/password/reset/key/1-d4t0vw-0123456789abcdef0123456789abcdef/",
)
at(
    "reset-link-without-cookies",
    "account_reset_password_from_key",
    "/accounts/password/reset/key/1-set-password/",
    status=403,
)


@scene("sign-in-refused", "account_login")
def sign_in_refused(stage: Stage) -> None:
    stage.go("/accounts/login/")
    stage.send(LOGIN, login="somebody@example.com", password="not the password")


@scene("sign-in-empty", "account_login")
def sign_in_empty(stage: Stage) -> None:
    stage.go("/accounts/login/")
    stage.send(LOGIN, login="", password="")


@scene("sign-in-too-often", "account_login", status=429)
def sign_in_too_often(stage: Stage) -> None:
    email = f"{uuid4().hex[:10]}@example.com"
    stage.go("/accounts/login/")
    for _ in range(6):
        stage.send(LOGIN, login=email, password="not the password")


@scene("sign-in-embedded", "account_login")
def sign_in_embedded(stage: Stage) -> None:
    """Google refuses the browser inside KakaoTalk."""
    stage.context.set_extra_http_headers({"User-Agent": KAKAOTALK_ANDROID})
    stage.go("/accounts/login/")


@scene("signed-out", "account_login")
def signed_out(stage: Stage) -> None:
    stage.enter_afresh(people.NEW)
    stage.go("/accounts/logout/")
    stage.press()


@scene("session-ended", "account_login")
def session_ended(stage: Stage) -> None:
    """Another browser signs out all other devices, this one among them."""
    stage.enter_afresh(people.ENDED)
    elsewhere = stage.context.browser.new_context()
    other = Stage(elsewhere.new_page(), stage.site, stage.language)
    other.enter_afresh(people.ENDED)
    other.go("/accounts/sessions/")
    other.press("form.apart button")
    elsewhere.close()
    stage.page.wait_for_url("**/accounts/ended/**")  # the open tab leaves by itself
    stage.go("/accounts/sessions/")


@scene("sign-up-refused", "account_signup")
def sign_up_refused(stage: Stage) -> None:
    stage.go("/accounts/signup/")
    stage.send(email="no address", password1="short")


def sign_up(stage: Stage) -> str:
    email = f"{uuid4().hex[:10]}@example.com"
    stage.go("/accounts/signup/")
    stage.send(email=email, password1=people.PASSWORD)
    return email


@scene("sign-up-code", "account_email_verification_sent")
def sign_up_code(stage: Stage) -> None:
    sign_up(stage)


@scene("sign-up-code-refused", "account_email_verification_sent")
def sign_up_code_refused(stage: Stage) -> None:
    sign_up(stage)
    stage.send(code="1111-2222")


at("sign-in-by-code", "account_request_login_code", "/accounts/login/code/")


@scene("sign-in-by-code-refused", "account_request_login_code")
def sign_in_by_code_refused(stage: Stage) -> None:
    stage.go("/accounts/login/code/")
    stage.send(email="no address")


def ask_for_code(stage: Stage) -> None:
    stage.go("/accounts/login/?next=/accounts/sessions/")
    stage.send("[formaction]", login=f"{uuid4().hex[:10]}@example.com")


@scene("sign-in-code", "account_confirm_login_code")
def sign_in_code(stage: Stage) -> None:
    ask_for_code(stage)


@scene("sign-in-code-refused", "account_confirm_login_code")
def sign_in_code_refused(stage: Stage) -> None:
    ask_for_code(stage)
    stage.send(code="0000-0000")


@scene("sign-in-code-too-early", "account_confirm_login_code")
def sign_in_code_too_early(stage: Stage) -> None:
    ask_for_code(stage)
    stage.press("[name=action][value=resend]")


@scene("reset-refused", "account_reset_password")
def reset_refused(stage: Stage) -> None:
    stage.go("/accounts/password/reset/")
    stage.send(email="no address")


def follow_reset_link(stage: Stage) -> None:
    stage.go("/accounts/password/reset/")
    stage.send(email=people.RESET)
    stage.go(stage.reset_link(people.RESET))


@scene("reset-link", "account_reset_password_from_key")
def reset_link(stage: Stage) -> None:
    follow_reset_link(stage)


@scene("reset-link-refused", "account_reset_password_from_key")
def reset_link_refused(stage: Stage) -> None:
    follow_reset_link(stage)
    stage.send(password1="12345678")
