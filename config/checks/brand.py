"""Check the brand at the start: readable colours, and files that pages can show."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.checks import CheckMessage, Error, Tags, register

from accounts import brand

GROUNDS = {
    "BRAND_COLOR": "darker",
    "BRAND_COLOR_DARK": "lighter",
}


@register(Tags.compatibility)
def check_colours(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    return list(_colours())


def _colours() -> Iterator[CheckMessage]:
    for weak in brand.weak_pairs():
        value = getattr(settings, weak.setting)
        better = f", such as {weak.better}" if weak.better else ""
        yield Error(
            f"{weak.setting}={value} makes text that is hard to read: {weak.text} on {weak.ground} "
            f"has a contrast of {weak.ratio:.1f}:1, and people need {brand.READABLE}:1.",
            hint=f"Choose a {GROUNDS[weak.setting]} colour{better}.",
            id="accounts.E060",
        )


@register(Tags.staticfiles, deploy=True)
def check_logo(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if not settings.BRAND_LOGO:
        return []
    try:
        staticfiles_storage.url(settings.BRAND_LOGO)
    except ValueError:  # each page would fail
        return [
            Error(
                f"BRAND_LOGO={settings.BRAND_LOGO!r} isn't among the collected static files.",
                hint="Run `manage.py collectstatic` with the same BRAND_DIR.",
                id="accounts.E061",
            )
        ]
    return []
