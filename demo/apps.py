from django.apps import AppConfig


class DemoConfig(AppConfig):
    """Installed under DEMO=1 only, before `config`: its `serve` command takes the place of ours."""

    name = "demo"
    verbose_name = "Demo"
