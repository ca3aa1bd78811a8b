"""Test `paged`: all rows, in pages of a fixed size, each by one statement."""

import pytest

from accounts import paged
from accounts.people.models import User
from tests.kit.factories import UserFactory


@pytest.mark.django_db
@pytest.mark.parametrize(("count", "statements"), [(0, 1), (3, 2), (4, 3), (5, 3)])
def test_each_page_is_one_statement(count, statements, django_assert_num_queries):
    made = [UserFactory().pk for _ in range(count)]

    with django_assert_num_queries(statements):
        found = [each.pk for each in paged.rows(User.objects.all(), size=2)]

    assert found == sorted(made)


@pytest.mark.django_db
def test_a_row_deleted_meanwhile_skips_no_other():
    made = sorted(UserFactory().pk for _ in range(4))

    rows = paged.rows(User.objects.all(), size=2)
    seen = [next(rows).pk, next(rows).pk]
    User.objects.filter(pk__in=seen).delete()

    assert seen + [each.pk for each in rows] == made
