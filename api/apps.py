from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _
from typing_extensions import override


class ApiConfig(AppConfig):
    name = "api"
    verbose_name = _("API")

    @override
    def ready(self) -> None:
        from accounts.audit import checkpoints  # noqa: PLC0415 - needs the models
        from accounts.bell import Topic, bell  # noqa: PLC0415 - needs the settings
        from api import schema  # noqa: F401, PLC0415 - registers itself
        from api.keys import ring, rotation, statements  # noqa: PLC0415 - need the models

        # The bell's thread reads the keys, so no request waits for the database.
        bell.subscribe(Topic.KEYS, lambda _kids: ring.reload())
        bell.on_tick(ring.reload)
        checkpoints.register(statements.KeySigner())
        # A deployment migrates before it serves, so no two workers race for the first key.
        post_migrate.connect(rotation.ensure_after_migrate, sender=self)
