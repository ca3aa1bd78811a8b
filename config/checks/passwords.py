"""Check the look-up of leaked passwords."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from accounts.breaches import file as breach_file
from config.addresses import is_in_the_clear, is_origin


@register(Tags.security)
def check_breaches(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    return list(_breaches())


def _breaches() -> Iterator[CheckMessage]:
    service, path = settings.PASSWORD_BREACH_API, settings.PASSWORD_BREACH_FILE
    if service and not is_origin(service):
        yield Error(
            f"PASSWORD_BREACH_API={service!r} isn't an origin.",
            hint="Scheme and host only, such as https://api.pwnedpasswords.com: no path, no slash.",
            id="accounts.E023",
        )
    elif service and is_in_the_clear(service):
        yield Error(
            f"PASSWORD_BREACH_API={service!r} is public and not https.",
            hint="A reader of the network would learn a part of the hash of each new password.",
            id="accounts.E024",
        )
    if path and (fault := breach_file.fault(path)):
        yield Error(
            f"PASSWORD_BREACH_FILE={path!r}: {fault}.",
            hint="Use the file of SHA-1 hashes of Have I Been Pwned, ordered by hash: a line "
            "`SHA-1:COUNT` for each password.",
            id="accounts.E025",
        )
