"""Pages of second factors."""

from tests.gallery import people
from tests.gallery.people import NEW
from tests.gallery.scene import at, scene
from tests.gallery.stage import Stage

ADD = "/accounts/2fa/totp/activate/"

at("second-step-none", "mfa_index", "/accounts/2fa/", person=NEW)


def _half_way(stage: Stage) -> None:
    stage.go("/accounts/login/")
    stage.send(
        "form:has([name=password]) .actions button",
        login=people.SECOND,
        password=people.PASSWORD,
    )


@scene("second-step-code", "mfa_authenticate")
def ask(stage: Stage) -> None:
    _half_way(stage)


@scene("second-step-recovery", "mfa_authenticate")
def ask_recovery(stage: Stage) -> None:
    _half_way(stage)
    stage.press("a[href*='by=recovery']")


@scene("second-step-refused", "mfa_authenticate")
def ask_refused(stage: Stage) -> None:
    _half_way(stage)
    stage.send(code="12345")


@scene("second-step", "mfa_index")
def index(stage: Stage) -> None:
    stage.enter_by_second_step()
    stage.go("/accounts/2fa/")


@scene("second-step-confirm", "mfa_reauthenticate")
def confirm(stage: Stage) -> None:
    stage.enter_by_second_step()
    stage.go("/accounts/2fa/reauthenticate/")


@scene("second-step-remove", "mfa_deactivate_totp")
def remove(stage: Stage) -> None:
    stage.enter_by_second_step()
    stage.go("/accounts/2fa/totp/deactivate/")


@scene("second-step-new-codes", "mfa_generate_recovery_codes")
def new_codes(stage: Stage) -> None:
    stage.enter_by_second_step()
    stage.go("/accounts/2fa/recovery-codes/generate/")


@scene("second-step-add", "mfa_activate_totp")
def add(stage: Stage) -> None:
    stage.enter_afresh(NEW)
    stage.go(ADD)


@scene("second-step-add-refused", "mfa_activate_totp")
def add_refused(stage: Stage) -> None:
    stage.enter_afresh(NEW)
    stage.go(ADD)
    stage.send(code="123456")


@scene("second-step-codes", "mfa_new_recovery_codes")
def codes(stage: Stage) -> None:
    """The codes of an account of its own in each language: an app is added once."""
    from tests.kit.factors import app_code  # noqa: PLC0415 - needs Django's settings

    stage.enter_afresh(people.ENROLS[stage.language])
    stage.go(ADD)
    secret = stage.page.locator(".secret").inner_text().replace(" ", "")
    stage.send(code=app_code(secret))


@scene("second-step-enrol", "mfa_enrol")
def enrol(stage: Stage) -> None:
    stage.go("/accounts/login/")
    stage.send(
        "form:has([name=password]) .actions button",
        login=people.MUST,
        password=people.PASSWORD,
    )


@scene("second-step-reset", "mfa_index")
def reset_pending(stage: Stage) -> None:
    stage.enter_by_second_step(people.LOST)
    stage.go("/accounts/2fa/")


STOP = "/accounts/2fa/reset/stop/"
at("second-step-reset-stop", "factor_reset_stop", f"{STOP}{people.LOST}/")
at("email-stop", "accounts:email-stop", f"/accounts/email/stop/{people.LOST}/")
at("email-stop-over", "accounts:email-stop", "/accounts/email/stop/no-such-token/")
at("email-confirm", "accounts:email-confirm", f"/accounts/email/confirm/new.{people.LOST}/")
at("email-confirm-over", "accounts:email-confirm", "/accounts/email/confirm/no-such-token/")
at("second-step-reset-over", "factor_reset_stop", f"{STOP}no-such-token/")


@scene("second-step-reset-stopped", "factor_reset_stop")
def reset_stopped(stage: Stage) -> None:
    stage.go(f"{STOP}{people.STOPS[stage.language]}/")
    stage.press()
