"""Every time in a mail names its time zone, because its reader may be anywhere."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.utils import translation

from accounts.client_info import ClientInfo
from accounts.mail import notices

TEMPLATES = sorted(path for path in Path("templates").glob("**/email/*") if path.is_file())
FILTERS = re.compile(r"\|(?:date|time):\"([^\"]*)\"")
NOON = datetime(2026, 12, 24, 3, 30, tzinfo=UTC)


def test_no_template_of_a_mail_writes_a_time_without_its_zone():
    formats = {path.name: FILTERS.findall(path.read_text()) for path in TEMPLATES}
    found = {name: one for name, several in formats.items() for one in several}

    assert found.keys() >= {"base_notification.txt", "base_notification.html"}
    assert all(one.endswith(" T") for one in found.values()), found


@pytest.mark.parametrize(
    ("language", "moment"), [("en", "Dec. 24, 2026, 12:30 PM KST"), ("ko", "2026년 12월 24일")]
)
def test_a_moment_is_in_the_readers_language(language, moment):
    with translation.override(language):
        text = notices._in_words(NOON)

    assert text.startswith(moment)
    assert text.endswith(" KST")


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_day_of_a_deletion_names_its_zone(user, deliver, language):
    user.locale = language
    notices.deletion_requested(user, erase_at=NOON, client=ClientInfo())
    mail = deliver()[-1]
    with translation.override(language):
        moment = notices._in_words(NOON)

    assert moment in mail.body
    assert moment in mail.alternatives[0][0]
