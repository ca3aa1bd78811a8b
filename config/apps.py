from django.apps import AppConfig
from typing_extensions import override


class ConfigConfig(AppConfig):
    name = "config"
    verbose_name = "Process"

    @override
    def ready(self) -> None:
        from config import part_headers  # noqa: PLC0415 - once the apps are ready

        # The imports register the system checks.
        from config.checks import (  # noqa: PLC0415
            brand,  # noqa: F401
            deployment,  # noqa: F401
            extensions,  # noqa: F401
            factors,  # noqa: F401
            former_site,  # noqa: F401
            origins,  # noqa: F401
            passwords,  # noqa: F401
            providers,  # noqa: F401
            redis,  # noqa: F401
            secret_keys,  # noqa: F401
        )

        part_headers.install()
