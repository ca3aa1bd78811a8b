"""Give all templates the variables that every page needs."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import lazy

from accounts import brand
from accounts.pages import waiting

_in_words = lazy(waiting.in_words, str)
"""Few pages show such a time, so it is worked out where it is shown."""


_verify = lazy(lambda: reverse("api:verify"), str)()


def site(request: HttpRequest) -> dict[str, Any]:
    """Return the site's name and brand, what is switched on, where open pages listen, and what this browser chose last."""
    return {
        "site_name": settings.SITE_NAME,
        "brand": {
            "logo": settings.BRAND_LOGO,
            "terms": settings.TERMS_URL,
            "privacy": settings.PRIVACY_URL,
            "version": brand.version(),
        },
        "demo": settings.DEMO,
        "last_used": request.COOKIES.get(settings.LAST_USED_COOKIE_NAME, ""),
        "reset_lifetime": _in_words(settings.PASSWORD_RESET_TIMEOUT),
        "sign_up": settings.SIGN_UP,
        "signs_in_by_code": settings.SIGN_IN_BY_CODE,
        "live": {"events": settings.EVENTS_URL, "verify": _verify},
        "stays": request.COOKIES.get(settings.STAY_COOKIE_NAME) == "1",
    }
