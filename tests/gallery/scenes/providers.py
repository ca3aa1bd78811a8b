"""Google, Kakao and Naver: their buttons, the way back, and an account that is there already."""

import requests

from tests.gallery.scene import at, scene
from tests.gallery.stage import Stage

LINK = "/accounts/3rdparty/link/"

for _name in ("google", "kakao", "naver"):
    at(f"to-{_name}", f"{_name}_login", f"/accounts/{_name}/login/")

at("provider-error", "socialaccount_login_error", "/accounts/3rdparty/login/error/", status=401)
at("provider-cancelled", "socialaccount_login_cancelled", "/accounts/3rdparty/login/cancelled/")


@scene("provider-expired", "google_callback", status=401)
def provider_expired(stage: Stage) -> None:
    """The state of a sign-in that nobody began here."""
    stage.go("/accounts/google/login/callback/?code=x&state=y")


@scene("provider-down", "kakao_callback", status=503)
def provider_down(stage: Stage) -> None:
    stage.go_to_provider("kakao")
    fault = f"{stage.site.standins['kakao']}/misbehave"
    requests.post(
        fault, {"fault": "status_503", "at": "oauth/token"}, timeout=20
    ).raise_for_status()
    try:
        stage.agree("민지")
    finally:
        requests.post(fault, {"fault": ""}, timeout=20).raise_for_status()


@scene("provider-refused", "naver_callback", status=401)
def provider_refused(stage: Stage) -> None:
    stage.go_to_provider("naver")
    fault = f"{stage.site.standins['naver']}/misbehave"
    requests.post(
        fault, {"fault": "status_400", "at": "oauth2.0/token"}, timeout=20
    ).raise_for_status()
    try:
        stage.agree("김민지")
    finally:
        requests.post(fault, {"fault": ""}, timeout=20).raise_for_status()


@scene("sign-in-last-used", "account_login")
def sign_in_last_used(stage: Stage) -> None:
    enter_by_google(stage)
    stage.go("/accounts/logout/")
    stage.press()


def enter_by_google(stage: Stage) -> None:
    """As somebody without a password."""
    stage.go_to_provider("google")
    stage.agree("Alex Morgan")


@scene("overview-provider", "accounts:home")
def overview_provider(stage: Stage) -> None:
    enter_by_google(stage)


@scene("connections-only", "socialaccount_connections")
def connections_only(stage: Stage) -> None:
    enter_by_google(stage)
    stage.go("/accounts/3rdparty/")


def ask_google_for_a_proof(stage: Stage) -> None:
    enter_by_google(stage)
    stage.go("/accounts/reauthenticate/by/google/?next=/accounts/password/set/")
    stage.press("main form button")


@scene("proof-elsewhere", "google_callback", status=401)
def proof_elsewhere(stage: Stage) -> None:
    """The proof began in another sign-in of this browser: begin it again here."""
    ask_google_for_a_proof(stage)
    asked = stage.page.url
    stage.context.clear_cookies()
    enter_by_google(stage)
    stage.go(asked)
    stage.agree("Alex Morgan")


@scene("proof-signed-out", "google_callback", status=401)
def proof_signed_out(stage: Stage) -> None:
    """The browser was signed out while the person was at the provider."""
    ask_google_for_a_proof(stage)
    stage.context.clear_cookies()
    stage.agree("Alex Morgan")


@scene("set-password", "account_set_password")
def set_password(stage: Stage) -> None:
    enter_by_google(stage)
    stage.go("/accounts/password/set/")


@scene("provider-sign-up", "socialaccount_signup")
def provider_sign_up(stage: Stage) -> None:
    stage.go_to_provider("kakao")
    stage.agree("서연")


@scene("provider-sign-up-refused", "socialaccount_signup")
def provider_sign_up_refused(stage: Stage) -> None:
    provider_sign_up(stage)
    stage.send(email="no address")


def come_with_known_address(stage: Stage) -> None:
    stage.go_to_provider("kakao")
    stage.agree_with(stage.site.accounts["visitor"]["email"])


@scene("link", "accounts:social-link")
def link(stage: Stage) -> None:
    come_with_known_address(stage)


@scene("link-refused", "accounts:social-link")
def link_refused(stage: Stage) -> None:
    come_with_known_address(stage)
    stage.send("[name=proof][value=password]", password="not the password")


@scene("link-by-provider", "accounts:social-link")
def link_by_provider(stage: Stage) -> None:
    """An account without a password, which Google opens."""
    enter_by_google(stage)
    stage.go("/accounts/logout/")
    stage.press()
    stage.go_to_provider("kakao")
    stage.agree_with("alex.morgan@example.com")


@scene("link-code", "account_confirm_login_code")
def link_code(stage: Stage) -> None:
    come_with_known_address(stage)
    stage.press("[name=proof][value=code]")
