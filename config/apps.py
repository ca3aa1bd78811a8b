from django.apps import AppConfig
from typing_extensions import override


class ConfigConfig(AppConfig):
    name = "config"
    verbose_name = "Munjigi"

    @override
    def ready(self) -> None:
        # The import registers the system checks.
        from config import checks  # noqa: F401, PLC0415
