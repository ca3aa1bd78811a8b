"""Test the brand's colours: what is readable, and what the settings make of one colour."""

import pytest

from accounts import brand
from config.checks import brand as brand_checks


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000000", "#ffffff", 21.0), ("#ffffff", "#ffffff", 1.0), ("#777777", "#ffffff", 4.48)],
)
def test_contrast_is_that_of_wcag(one, other, ratio):
    assert round(brand.contrast(one, other), 2) == ratio


@pytest.mark.parametrize("colour", ["#0d6b63", "#7a1fa2", "#b00020", "#123456", "#8a5300"])
def test_one_readable_colour_makes_two_readable_themes(settings, colour):
    settings.BRAND_COLOR, settings.BRAND_COLOR_DARK = colour, ""

    assert list(brand.weak_pairs()) == []
    assert brand_checks.check_colours(None) == []


def test_a_pale_colour_stops_the_start_and_names_a_better_one(settings):
    settings.BRAND_COLOR, settings.BRAND_COLOR_DARK = "#ffcc00", ""

    [error] = brand_checks.check_colours(None)

    assert error.msg == (
        "BRAND_COLOR=#ffcc00 makes text that is hard to read: #ffcc00 on #f7f5f0 has a contrast of "
        "1.4:1, and people need 4.5:1."
    )
    settings.BRAND_COLOR = error.hint.removesuffix(".").rpartition(" ")[2]
    assert brand_checks.check_colours(None) == []


def test_a_dark_colour_stops_the_start_in_the_dark_theme(settings):
    settings.BRAND_COLOR, settings.BRAND_COLOR_DARK = "#0d6b63", "#0d6b63"

    [error] = brand_checks.check_colours(None)

    assert error.msg.startswith("BRAND_COLOR_DARK=#0d6b63")
    assert "Choose a lighter colour" in error.hint


def test_our_own_colours_are_readable(settings):
    settings.BRAND_COLOR = ""

    assert list(brand.weak_pairs()) == []
    assert brand.style_sheet() == ""


@pytest.mark.parametrize(
    ("name", "token"),
    [("Munjigi", "Munjigi"), ("Acme & Sons\r\nX: y", "Acme-Sons-X-y"), ("문지기", "auth.test")],
)
def test_the_product_token_is_safe_in_a_header(settings, name, token):
    settings.SITE_NAME, settings.SITE_HOST = name, "auth.test"

    assert brand.product_token() == token
