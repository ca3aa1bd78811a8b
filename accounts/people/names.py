"""Say which display names people can see, and refuse the rest."""

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

_CONTROLS = (
    r"\x00-\x1f\x7f-\x9f"  # C0 and C1
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # they turn the text beside them around
    r"\u2028\u2029"  # line and paragraph separators
)
_INVISIBLE = (
    r" \xa0\xad\u034f\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200d\u202f\u205f-\u2065"
    r"\u206a-\u206f\u2800\u3000\u3164\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    r"\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
)
"""Spaces, joiners, fillers, selectors and lone accents: they may stand inside a name, and aren't one."""
FAR = re.compile(
    "[\U00013430-\U00013440\U00013447-\U00013455\U00016fe4\U0001bca0-\U0001bca3\U0001d159"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Invisible, too, beyond U+FFFF. They are apart: regular expressions of JSON Schema can't name them."""

NAME = rf"^(?:[{_INVISIBLE}]*[^{_CONTROLS}{_INVISIBLE}][^{_CONTROLS}]*)?\Z"
"""Nothing, or text with at least one character that shows.

Each part begins where only it fits, so a long text costs no more than one look at each character. Django
runs it also on a text that is too long.
"""

INVISIBLE = _("Use text that people can see, without control characters.")


def is_visible(name: str) -> bool:
    """Tell whether the name is empty, or shows as something and does nothing else."""
    return not name or bool(re.match(NAME, name) and re.match(NAME, FAR.sub("", name) or " "))


def validate(name: str) -> None:
    """Raise `ValidationError` for a name that people can't see, or that changes text beside it."""
    if not is_visible(name):
        raise ValidationError(INVISIBLE, code="invisible")


def visible(name: str) -> str:
    """Return a name from elsewhere without characters that are refused; '' if nothing shows."""
    name = re.sub(f"[{_CONTROLS}]", "", name).strip()
    return name if is_visible(name) else ""
