from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"
    verbose_name = "Munjigi"

    def ready(self) -> None:
        from config import checks  # noqa: F401, PLC0415 - they register themselves
