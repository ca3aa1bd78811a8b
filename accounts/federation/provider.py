"""Where allauth looks for providers: each that is configured is a class in a module beside this one."""

from django.conf import settings
from django.utils.module_loading import import_string

from accounts.federation.providers.base import StrictProvider

provider_classes: list[type[StrictProvider]] = [
    import_string(options["provider_class"])
    for options in settings.SOCIALACCOUNT_PROVIDERS.values()
]
