"""Work out the colours of the brand from `BRAND_COLOR`: for pages, for the admin and for mails.

Pages get them by one served style sheet, because our policy blocks inline styles. Mails have inline
styles only, because mail programs drop the rest.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings

PAPER, SHEET = ("#f7f5f0", "#111615"), ("#fffefb", "#181f1d")
"""The backgrounds of pages, in light and in dark, as in `style.css`."""
READABLE = 4.5
"""The lowest contrast of text (WCAG 2.2, 1.4.3)."""
BLACK, WHITE = "#000000", "#ffffff"
STEPS = 40


@dataclass(frozen=True)
class Palette:
    """The colours of links and buttons in one theme."""

    accent: str
    strong: str
    """Links under the pointer, codes, the chosen entry of the navigation."""
    on_accent: str
    tint: str
    """The background of chosen entries and codes."""


OURS = (
    Palette("#0d6b63", "#0a4d47", WHITE, "#e4f0ec"),
    Palette("#6fdccb", "#a5ece0", "#06231f", "#17302c"),
)
"""The colours without `BRAND_COLOR`, as in `style.css`."""


@dataclass(frozen=True)
class Weak:
    """A pair of colours that people can't read well enough."""

    setting: str
    text: str
    ground: str
    ratio: float
    better: str
    """A colour like the setting's that passes, or '' if there is none."""


def palettes() -> tuple[Palette, Palette]:
    """Return the colours in light and in dark."""
    if not settings.BRAND_COLOR:
        return OURS
    return _palettes(settings.BRAND_COLOR, settings.BRAND_COLOR_DARK)


def style_sheet() -> str:
    """Return the style sheet that puts the brand's colours into `style.css` and `admin.css`, or ''."""
    if not settings.BRAND_COLOR:
        return ""
    light, dark = palettes()
    fill = light.accent
    tokens = {
        "brand": (light.accent, dark.accent),
        "brand-strong": (light.strong, dark.strong),
        "on-brand": (light.on_accent, dark.on_accent),
        "brand-tint": (light.tint, dark.tint),
        "brand-selection": (mix(WHITE, fill, 0.3), mix(BLACK, fill, 0.7)),
        # Behind white text, in both themes.
        "brand-fill": (fill, fill),
        "brand-fill-strong": (light.strong, mix(fill, BLACK, 0.2)),
        "on-brand-fill": (WHITE, WHITE),
        # The picture of a gate on the sign-in page: its arches from the outer to the inner one.
        "brand-gate-0": (light.strong, mix(fill, BLACK, 0.6)),
        "brand-gate-1": (mix(light.strong, fill, 0.5), mix(fill, BLACK, 0.5)),
        "brand-gate-2": (fill, mix(fill, BLACK, 0.4)),
        "brand-gate-3": (mix(fill, WHITE, 0.15), mix(fill, BLACK, 0.25)),
        "brand-gate-4": (mix(fill, WHITE, 0.35), mix(fill, BLACK, 0.1)),
    }
    lines = "".join(f"--{name}:light-dark({a},{b});" for name, (a, b) in tokens.items())
    return f":root{{{lines}}}\n"


def version() -> str:
    """Return a digest of the style sheet for its address, or '' if there is none."""
    text = style_sheet()
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else ""


def product_token() -> str:
    """Return the name of this site for the `User-Agent` of our calls (RFC 9110 §5.6.2)."""
    return re.sub(r"[^A-Za-z0-9]+", "-", settings.SITE_NAME).strip("-") or settings.SITE_HOST


# Contrast


def weak_pairs() -> Iterator[Weak]:
    """Yield the pair with the lowest contrast for each setting, if it is hard to read."""
    light, dark = palettes()
    for index, setting, palette in ((0, "BRAND_COLOR", light), (1, "BRAND_COLOR_DARK", dark)):
        ratio, text, ground = min(
            (contrast(text, ground), text, ground) for text, ground in _pairs(palette, index)
        )
        if ratio < READABLE:
            yield Weak(setting, text, ground, ratio, _better(palette.accent, index))


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21 (WCAG 2.2)."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def mix(colour: str, other: str, share: float) -> str:
    """Return the colour with this share (0 to 1) of the other one."""
    pairs = zip(_channels(colour), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


@lru_cache(maxsize=8)
def _palettes(colour: str, in_the_dark: str) -> tuple[Palette, Palette]:
    light = _palette(colour, 0)
    return light, _palette(in_the_dark or _better(colour, 1), 1)


def _palette(accent: str, index: int) -> Palette:
    toward, ground = (BLACK, WHITE)[index], SHEET[index]
    return Palette(
        accent=accent,
        strong=mix(accent, toward, 0.35),
        on_accent=max(WHITE, mix(accent, BLACK, 0.85), key=lambda each: contrast(each, accent)),
        tint=mix(ground, accent, 0.1),
    )


def _pairs(palette: Palette, index: int) -> Iterator[tuple[str, str]]:
    """Yield the pairs of a text colour and its background that pages have."""
    for ground in (PAPER[index], SHEET[index]):
        yield palette.accent, ground
    yield palette.strong, palette.tint
    yield palette.on_accent, palette.accent
    if index == 0:
        yield WHITE, palette.accent  # in the admin, and on the brand's mark


def _better(colour: str, index: int) -> str:
    """Return the nearest darker (in light) or lighter (in dark) colour that passes, or ''."""
    toward = (BLACK, WHITE)[index]
    for step in range(STEPS):
        each = mix(colour, toward, step / STEPS)
        if all(contrast(*pair) >= READABLE for pair in _pairs(_palette(each, index), index)):
            return each
    return ""


def _luminance(colour: str) -> float:
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 - sRGB
        for value in (channel / 255 for channel in _channels(colour))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
