"""Give templates the site's name and its colours: mails are also rendered without a request."""

from django import template
from django.conf import settings

from accounts import brand

register = template.Library()
THEMES = ("light", "dark")


@register.simple_tag
def site_name() -> str:
    return settings.SITE_NAME


@register.simple_tag
def colour(name: str, theme: str = "light") -> str:
    """Return the colour of this name (`brand.Palette`) in one theme."""
    value: str = getattr(brand.palettes()[THEMES.index(theme)], name)
    return value
