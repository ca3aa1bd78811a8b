"""Test the page to which open tabs go when their sign-in ends."""

import re

import pytest
from django.utils.html import escape

from accounts.audit.vocabulary import RevokeReason
from accounts.pages.ended_views import WORDS

OF_APPS = {
    *(RevokeReason.REFRESH_LOST, RevokeReason.REUSED, RevokeReason.UNFINISHED),
    RevokeReason.KEY_REVOKED,
}


@pytest.mark.parametrize("reason", sorted(WORDS))
def test_each_reason_has_its_words(client, db, reason):
    page = client.get("/accounts/ended/", {"reason": reason})
    assert page.status_code == 200
    assert (
        page.headers["Cache-Control"] == "max-age=0, no-cache, no-store, must-revalidate, private"
    )
    assert escape(str(WORDS[reason])) in page.content.decode()


def test_every_reason_of_a_browser_has_words():
    assert set(RevokeReason) - set(WORDS) == OF_APPS


@pytest.mark.parametrize("reason", ["google", "<b>Call 555</b>", "reused", "a" * 5000])
def test_other_text_in_the_address_is_not_shown(client, db, reason):
    shown = [
        re.search("<main.*?</main>", page.content.decode(), re.DOTALL)[0]
        for page in (client.get("/accounts/ended/", {"reason": each}) for each in (reason, ""))
    ]
    assert shown[0] == shown[1]


def test_the_page_leaves_the_message_of_the_sign_out_to_its_tab(signed_in):
    signed_in.post("/accounts/logout/")

    ended = signed_in.get("/accounts/ended/", {"reason": "logout"}).text
    first = signed_in.get("/accounts/login/").text

    assert 'class="message' not in ended
    assert 'class="message success"' in first
