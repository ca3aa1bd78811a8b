"""Django's admin in our colours."""

from tests.gallery import people
from tests.gallery.scene import STOCK, at, scene
from tests.gallery.stage import Stage

INDEX = "/admin/"
LISTS = {
    "users": ("user", "?q=" + people.FULL),
    "sign-ins": ("authsession", ""),
    "events": ("auditevent", ""),
    "resets": ("factorreset", ""),
    "reports": ("report", ""),
    "endpoints": ("webhookendpoint", ""),
    "deliveries": ("webhookdelivery", ""),
    "invitations": ("invitation", ""),
    "keys": ("apikey", ""),
}

at("admin", "admin:index", INDEX, role="admin", maker=STOCK)
at("admin-month", "admin:index", "/admin/?range=30d", role="admin", maker=STOCK)
at("admin-search", "admin:search", "/admin/search/?q=hanbyeol", role="admin", maker=STOCK)
at("admin-search-nothing", "admin:search", "/admin/search/?q=nobody", role="admin", maker=STOCK)
at("admin-search-empty", "admin:search", "/admin/search/", role="staff", maker=STOCK)
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
at(
    "admin-endpoint-new",
    "admin:accounts_webhookendpoint_add",
    "/admin/accounts/webhookendpoint/add/",
    role="admin",
    maker=STOCK,
)
at(
    "admin-invitation-new",
    "admin:accounts_invitation_add",
    "/admin/accounts/invitation/add/",
    role="admin",
    maker=STOCK,
)
at(
    "admin-key-new",
    "admin:accounts_apikey_add",
    "/admin/accounts/apikey/add/",
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
    _may_delete = _model == "webhookendpoint"
    for _view in ("change", "history", *(["delete"] if _may_delete else [])):

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
        rows = stage.page.locator("#result_list tbody th a", has_text=people.MUST_GROUP)
        address = rows.first.get_attribute("href")
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
    stage.page.locator("input[name=reason]").fill("#4711")
    stage.press("button[name=index]")


@scene("admin-user-reset", "admin:accounts_user_reset_factors", maker=STOCK)
def user_reset(stage: Stage) -> None:
    stage.enter_as("admin")
    stage.go(f"/admin/accounts/user/?q={people.SECOND}")
    stage.press("#result_list tbody th a")
    stage.press("a[href$='/reset-factors/']")


@scene("admin-endpoint-secret", "admin:accounts_webhookendpoint_rotate", maker=STOCK)
def endpoint_secret(stage: Stage) -> None:
    stage.enter_as("admin")
    stage.go("/admin/accounts/webhookendpoint/")
    stage.press("#result_list tbody th a")
    stage.press("a[href$='/rotate/']")


@scene("admin-user-locked", "admin:accounts_user_change", maker=STOCK)
def user_locked(stage: Stage) -> None:
    stage.enter_as("admin")
    stage.go(f"/admin/accounts/user/?q={people.LOCKED}")
    stage.press("#result_list tbody th a")


for _act in ("lock", "change-email", "delete-account"):

    @scene(f"admin-user-act-{_act}", "admin:accounts_user_act", maker=STOCK)
    def _(stage: Stage, act: str = _act) -> None:
        stage.enter_as("admin")
        stage.go(f"/admin/accounts/user/?q={people.SECOND}")
        stage.press("#result_list tbody th a")
        stage.press(f"a[href$='/act/{act}/']")


@scene("admin-user-act-refused", "admin:accounts_user_act", maker=STOCK)
def user_act_refused(stage: Stage) -> None:
    stage.enter_as("admin")
    stage.go(f"/admin/accounts/user/?q={people.SECOND}")
    stage.press("#result_list tbody th a")
    stage.press("a[href$='/act/lock/']")
    stage.press("input[type=submit].default")


def _prepare(stage: Stage) -> None:
    stage.enter_as("admin")
    stage.go(f"/admin/accounts/user/?q={people.LOST}")
    stage.page.locator(".action-select").first.check()
    stage.page.select_option("select[name=action]", "bulk_lock")
    stage.press("button[name=index]")


at(
    "admin-bulk-runs",
    "admin:accounts_bulkrun_changelist",
    "/admin/accounts/bulkrun/",
    role="admin",
    maker=STOCK,
)


@scene("admin-users-bulk", "admin:accounts_bulkrun_change", maker=STOCK)
def users_bulk(stage: Stage) -> None:
    _prepare(stage)


for _state in ("under-way", "stopped", "finished"):

    @scene(f"admin-bulk-run-{_state}", "admin:accounts_bulkrun_change", maker=STOCK)
    def _(stage: Stage, state: str = _state) -> None:
        stage.enter_as("admin")
        stage.go("/admin/accounts/bulkrun/")
        stage.press(f"#result_list tbody tr:has-text('{people.BULK[state]}') th a")
