"""Times read well in a sentence of either language."""

from datetime import UTC, datetime

import pytest
from django.utils import translation
from django.utils.formats import date_format

MOMENT = datetime(2026, 12, 5, 16, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("language", "moment", "time"),
    [("ko", "2026년 12월 5일 오후 4:59", "오후 4:59"), ("en", "Dec. 5, 2026, 4:59 PM", "4:59 PM")],
)
def test_the_half_of_the_day_stands_where_people_say_it(language, moment, time):
    with translation.override(language):
        assert date_format(MOMENT, "DATETIME_FORMAT") == moment
        assert date_format(MOMENT, "TIME_FORMAT") == time
