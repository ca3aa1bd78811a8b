"""List the classes of the configured providers. allauth looks for them in this module."""

from django.conf import settings
from django.utils.module_loading import import_string

from accounts.federation.providers.base import StrictProvider

provider_classes: list[type[StrictProvider]] = [
    import_string(options["provider_class"])
    for options in settings.SOCIALACCOUNT_PROVIDERS.values()
]
