from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from typing_extensions import override


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("Users and sign-ins")

    @override
    def ready(self) -> None:
        # They register themselves.
        from accounts.federation import receivers as social_receivers  # noqa: F401, PLC0415
        from accounts.federation.endings import unlinking  # noqa: F401, PLC0415
        from accounts.live import news  # noqa: F401, PLC0415
        from accounts.mail import sending  # noqa: F401, PLC0415
        from accounts.operators import roles as roles_of_operators  # noqa: PLC0415
        from accounts.pages import (  # noqa: PLC0415
            account_receivers,  # noqa: F401
            factor_flows,
            forms,  # noqa: F401
            receivers,  # noqa: F401
            signing_out_others,  # noqa: F401
            waits,  # noqa: F401
        )
        from accounts.reports import cases  # noqa: F401, PLC0415
        from accounts.signins import revocations, roles  # noqa: F401, PLC0415
        from accounts.support import (  # noqa: PLC0415
            api_keys,  # noqa: F401
            bulk_runs,  # noqa: F401
            dashboard,  # noqa: F401
            events,  # noqa: F401
            groups,  # noqa: F401
            invitations,  # noqa: F401
            reports,  # noqa: F401
            search_page,  # noqa: F401
            sign_ins,  # noqa: F401
            site,  # noqa: F401
            users,  # noqa: F401
            webhooks,  # noqa: F401
        )
        from accounts.webhooks import delivery  # noqa: F401, PLC0415

        factor_flows.install()
        roles_of_operators.connect()
