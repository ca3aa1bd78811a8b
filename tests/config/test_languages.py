"""The languages `ko_KR` and `ko-KR` mean `ko`, in the header, the form and the cookie."""

import pytest
from django.conf import settings

PAGE = "/accounts/login/"
SPELLINGS = [("ko_KR", "ko"), ("ko-KR", "ko"), ("ko", "ko"), ("KO_kr", "ko"), ("en_US", "en")]


@pytest.fixture
def other(client, db):
    """Make the browser prefer the language that the test doesn't choose."""
    return lambda code: client.get(
        PAGE, headers={"accept-language": "ko" if code == "en" else "en"}
    )


@pytest.mark.parametrize(("spelling", "code"), SPELLINGS)
def test_the_form_takes_each_spelling(client, other, spelling, code):
    response = client.post("/i18n/setlang/", {"language": spelling, "next": PAGE})

    assert response["Location"] == PAGE
    assert response.cookies[settings.LANGUAGE_COOKIE_NAME].value == code
    assert other(code)["Content-Language"] == code


@pytest.mark.parametrize(("spelling", "code"), SPELLINGS)
def test_the_cookie_takes_each_spelling(client, other, spelling, code):
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = spelling

    assert other(code)["Content-Language"] == code


@pytest.mark.parametrize("wrong", ["xx_YY", "", "_", "k" * 9999, "fr", "../ko", "ko\x00"])
def test_another_language_is_ignored(client, db, wrong):
    response = client.post("/i18n/setlang/", {"language": wrong, "next": PAGE})

    assert response.status_code == 302
    assert not response.cookies


@pytest.mark.parametrize("wrong", ["xx_YY", "_", "k" * 3999, "fr"])
def test_a_wrong_cookie_is_ignored(client, db, wrong):
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = wrong

    assert client.get(PAGE)["Content-Language"] == "en"
