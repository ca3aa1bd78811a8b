from django.apps import AppConfig
from typing_extensions import override


class ConfigConfig(AppConfig):
    name = "config"
    verbose_name = "Process"

    @override
    def ready(self) -> None:
        # The imports register the system checks.
        from config import brand_checks, checks, factor_checks, redis_checks  # noqa: F401, PLC0415
