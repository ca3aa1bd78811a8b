from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"
    verbose_name = "Munjigi"

    def ready(self) -> None:
        # They register themselves.
        from config import checks  # noqa: F401, PLC0415
