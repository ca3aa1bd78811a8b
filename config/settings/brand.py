"""Set up the brand: colours, logo, and the pages of its terms and its privacy policy."""

import re
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from config.settings.base import BRAND_DIR, env


def _colour(variable: str, value: str) -> str:
    value = value.lower()
    if value and not re.fullmatch("#[0-9a-f]{6}", value):
        raise ImproperlyConfigured(f"{variable}={value!r}: write a colour such as #0d6b63.")
    return value


def _link(variable: str, value: str) -> str:
    parts = urlsplit(value)
    if value and not (parts.scheme in {"https", "http"} and parts.netloc):
        raise ImproperlyConfigured(
            f"{variable}={value!r}: write an address such as https://example.com/terms."
        )
    return value


BRAND_COLOR = _colour("BRAND_COLOR", env.str("BRAND_COLOR", default=""))
# Of the dark theme. '': a lighter BRAND_COLOR.
BRAND_COLOR_DARK = _colour("BRAND_COLOR_DARK", env.str("BRAND_COLOR_DARK", default=""))
if BRAND_COLOR_DARK and not BRAND_COLOR:
    raise ImproperlyConfigured("BRAND_COLOR_DARK is set, but BRAND_COLOR isn't: set both.")
# A file in BRAND_DIR/static. Our policy loads no pictures of other sites, which would see visitors.
BRAND_LOGO = env.str("BRAND_LOGO", default="")
if BRAND_LOGO and not (BRAND_DIR and (BRAND_DIR / "static" / BRAND_LOGO).is_file()):
    raise ImproperlyConfigured(
        f"BRAND_LOGO={BRAND_LOGO!r}: write the name of a file in BRAND_DIR/static, such as logo.svg."
    )
TERMS_URL = _link("TERMS_URL", env.str("TERMS_URL", default=""))
PRIVACY_URL = _link("PRIVACY_URL", env.str("PRIVACY_URL", default=""))
