"""Django's admin in our colours."""

from tests.gallery import people
from tests.gallery.scene import STOCK, at, scene
from tests.gallery.stage import Stage

INDEX = "/admin/"
LISTS = {
    "users": ("user", "?q=" + people.FULL),
    "sign-ins": ("authsession", ""),
    "events": ("auditevent", ""),
}

at("admin", "admin:index", INDEX, role="admin", maker=STOCK)
at("admin-staff", "admin:index", INDEX, role="staff", maker=STOCK)
at("admin-app", "admin:app_list", "/admin/accounts/", role="admin", maker=STOCK)
at(
    "admin-nothing",
    "admin:accounts_user_changelist",
    "/admin/accounts/user/?q=nobody",
    role="admin",
    maker=STOCK,
)
at(
    "admin-user-new",
    "admin:accounts_user_add",
    "/admin/accounts/user/add/",
    role="admin",
    maker=STOCK,
)
at("admin-groups", "admin:auth_group_changelist", "/admin/auth/group/", role="admin", maker=STOCK)
at("admin-group-new", "admin:auth_group_add", "/admin/auth/group/add/", role="admin", maker=STOCK)
for _name, (_model, _query) in LISTS.items():
    at(
        f"admin-{_name}",
        f"admin:accounts_{_model}_changelist",
        f"/admin/accounts/{_model}/",
        role="admin",
        maker=STOCK,
    )
    for _view in ("change", "history") if _model != "user" else ("change", "history", "delete"):

        @scene(f"admin-{_name}-{_view}", f"admin:accounts_{_model}_{_view}", maker=STOCK)
        def _(stage: Stage, model: str = _model, query: str = _query, view: str = _view) -> None:
            stage.enter_as("admin")
            stage.go(f"/admin/accounts/{model}/{query}")
            address = stage.page.locator("#result_list tbody th a").first.get_attribute("href")
            stage.go(address.partition("?")[0].replace("/change/", f"/{view}/"))


for _view in ("change", "history", "delete"):

    @scene(f"admin-group-{_view}", f"admin:auth_group_{_view}", maker=STOCK)
    def _(stage: Stage, view: str = _view) -> None:
        stage.enter_as("admin")
        stage.go("/admin/auth/group/")
        address = stage.page.locator("#result_list tbody th a").first.get_attribute("href")
        stage.go(address.partition("?")[0].replace("/change/", f"/{view}/"))


@scene("admin-user-refused", "admin:accounts_user_add", maker=STOCK)
def user_refused(stage: Stage) -> None:
    stage.enter_as("admin")
    stage.go("/admin/accounts/user/add/")
    stage.page.evaluate("() => { for (const form of document.forms) form.noValidate = true; }")
    stage.press("[name=_save]")


@scene("admin-sign-ins-ended", "admin:accounts_authsession_changelist", maker=STOCK)
def sign_ins_ended(stage: Stage) -> None:
    stage.enter_as("admin")
    stage.go(f"/admin/accounts/authsession/?q={people.FULL}&kind__exact=token")
    stage.page.locator(".action-select").first.check()
    stage.page.select_option("select[name=action]", "revoke")
    stage.press("button[name=index]")
