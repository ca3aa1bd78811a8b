"""Pages of a demo: caught mail, the frontend on its own origin, the providers' stand-ins."""

from tests.gallery import people
from tests.gallery.scene import at, scene
from tests.gallery.stage import Stage
from tests.kit.visitors import sign_in_by_frontend

at("mail", "caught-mail", "/demo/mail/")
at("mail-next", "caught-mail", "/demo/mail/?page=2")
at("webhooks", "received-webhooks", "/demo/webhooks/")


@scene("mail-dormant", "caught-mail")
def mail_dormant(stage: Stage) -> None:
    stage.read_mail(people.DORMANT[stage.language])


@scene("frontend", "")
def frontend(stage: Stage) -> None:
    stage.go(stage.site.frontend)
    stage.page.locator("#sign-in button[data-say=sign_in]:enabled").wait_for()


@scene("frontend-signed-in", "")
def frontend_signed_in(stage: Stage) -> None:
    frontend(stage)
    sign_in_by_frontend(stage.page, stage.site)
    stage.page.locator("#devices li").first.wait_for()


@scene("standin-google", "")
def standin_google(stage: Stage) -> None:
    stage.go_to_provider("google")


@scene("standin-kakao", "")
def standin_kakao(stage: Stage) -> None:
    stage.go_to_provider("kakao")
    stage.page.locator("[name=identity][value=other]").check()


@scene("standin-naver", "")
def standin_naver(stage: Stage) -> None:
    stage.go_to_provider("naver")


@scene("standin-refused", "", status=401)
def standin_refused(stage: Stage) -> None:
    stage.go(f"{stage.site.standins['google']}/o/oauth2/v2/auth?client_id=unknown")
