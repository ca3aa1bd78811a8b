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
        from accounts.mail import sending  # noqa: F401, PLC0415
        from accounts.pages import (  # noqa: PLC0415
            factor_flows,
            forms,  # noqa: F401
            receivers,  # noqa: F401
            remembered_users,  # noqa: F401
            waits,  # noqa: F401
        )
        from accounts.signins import revocations  # noqa: F401, PLC0415
        from accounts.support import admin  # noqa: F401, PLC0415

        factor_flows.install()
