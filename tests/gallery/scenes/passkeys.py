"""Pages of passkeys."""

import time

from tests.gallery import people
from tests.gallery.people import KEYS, NEW
from tests.gallery.scene import at, scene
from tests.gallery.stage import Stage
from tests.kit.visitors import code_for

LIST = "/accounts/2fa/passkeys/"

at("passkeys-none", "mfa_list_webauthn", LIST, person=NEW)
at("passkeys-sign-up", "account_signup_by_passkey", "/accounts/signup/passkey/")


@scene("passkeys", "mfa_list_webauthn")
def listed(stage: Stage) -> None:
    stage.enter_by_second_step(KEYS)
    stage.go(LIST)


@scene("passkeys-add", "mfa_add_webauthn")
def add(stage: Stage) -> None:
    stage.enter_afresh(NEW)
    stage.go(f"{LIST}add/")


@scene("passkeys-add-key", "mfa_add_webauthn")
def add_key(stage: Stage) -> None:
    stage.enter_afresh(NEW)
    stage.go(f"{LIST}add/?kind=key")


@scene("passkeys-rename", "mfa_edit_webauthn")
def rename(stage: Stage) -> None:
    listed(stage)
    stage.press("main a[href$='/name/']")


@scene("passkeys-remove", "mfa_remove_webauthn")
def remove(stage: Stage) -> None:
    listed(stage)
    stage.press("main a[href$='/remove/']")


@scene("passkeys-second-step", "mfa_authenticate")
def second_step(stage: Stage) -> None:
    stage.go("/accounts/login/")
    stage.send("form:has([name=password]) .actions button", login=KEYS, password=people.PASSWORD)


@scene("passkeys-refused", "mfa_login_webauthn", status=400)
def refused(stage: Stage) -> None:
    stage.go("/accounts/login/")
    with stage.page.expect_navigation():
        stage.page.evaluate(
            """() => {
                const form = document.querySelector("form[data-passkey]");
                form.elements.credential.value = "{}";
                form.requestSubmit();
            }"""
        )


@scene("passkeys-sign-up-add", "mfa_signup_webauthn")
def sign_up(stage: Stage) -> None:
    email = f"passkey-{time.time_ns()}@example.com"
    stage.go("/accounts/signup/passkey/")
    stage.send(email=email)
    stage.send(code=code_for(email, stage.page, stage.site))
