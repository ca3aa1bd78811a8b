from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _
from typing_extensions import override


class ApiConfig(AppConfig):
    name = "api"
    verbose_name = _("API")

    @override
    def ready(self) -> None:
        from accounts.signins import revocations  # noqa: PLC0415 - needs the models
        from api import schema  # noqa: F401, PLC0415 - registers itself
        from api.keys import ring, rotation  # noqa: PLC0415 - need the models

        # A deployment migrates before it serves, so no two workers race for the first key. The
        # feed's tick reads the keys, so no request waits for the database.
        revocations.feed.on_tick.append(ring.reload)
        post_migrate.connect(rotation.ensure_after_migrate, sender=self)
