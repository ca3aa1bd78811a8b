from django.apps import AppConfig


class DemoConfig(AppConfig):
    """Install the demo app, under DEMO=1 only.

    It stands before `config` in INSTALLED_APPS, so that its `serve` command replaces the site's.
    """

    name = "demo"
    verbose_name = "Demo"
