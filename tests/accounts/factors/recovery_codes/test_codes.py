"""Recovery codes: stored as hashes, each good once, also in a race."""

import json

import pytest
from django.db import connection

from accounts.factors.recovery_codes import codes, enrolment
from tests.kit.factors import row_of
from tests.kit.racing import at_once

KIND = "recovery_codes"


@pytest.fixture
def plain(user):
    return enrolment.add(user)[1]


def test_there_are_ten_different_codes(plain):
    assert len(set(plain)) == 10
    assert all(len(code) == 11 for code in plain)


def test_the_database_has_no_code(user, plain):
    stored = json.dumps(row_of(user, KIND).data)

    for code in plain:
        assert code not in stored
        assert code.replace("-", "") not in stored


def test_a_code_works_once(user, plain):
    assert codes.spend(row_of(user, KIND), plain[3])
    assert not codes.spend(row_of(user, KIND), plain[3])
    assert codes.left(row_of(user, KIND)) == 9


def test_a_used_code_fails_on_a_row_that_was_read_before(user, plain):
    row, same = row_of(user, KIND), row_of(user, KIND)
    codes.spend(row, plain[0])

    assert not codes.spend(same, plain[0])
    assert codes.spend(same, plain[1])


def test_all_codes_work_in_any_order(user, plain):
    results = [codes.spend(row_of(user, KIND), code) for code in reversed(plain)]

    assert results == [True] * 10
    assert codes.left(row_of(user, KIND)) == 0


@pytest.mark.parametrize(
    "written",
    [
        lambda code: code.upper(),
        lambda code: code.replace("-", ""),
        lambda code: f" {code.replace('-', ' ')} ",
        lambda code: code.replace("0", "o").replace("1", "l"),
        lambda code: code.replace("0", "O").replace("1", "I"),
    ],
    ids=["upper case", "no dash", "spaces", "similar letters", "similar large letters"],
)
def test_a_code_may_be_typed_in_any_form(user, plain, written):
    assert codes.is_shaped(written(plain[0]))
    assert codes.spend(row_of(user, KIND), written(plain[0]))


@pytest.mark.parametrize("typed", ["", "123456", "abcde-fghjk-m", "abcde-fghu!", "0" * 60_000])
def test_another_text_has_not_the_shape_of_a_code(typed):
    assert not codes.is_shaped(typed)


def test_new_codes_replace_the_old_ones(user, plain):
    before = row_of(user, KIND)
    fresh = enrolment.add(user)[1]

    assert not codes.spend(before, plain[0])
    assert not codes.spend(row_of(user, KIND), plain[0])
    assert codes.spend(row_of(user, KIND), fresh[0])


def test_codes_of_another_user_are_wrong(user, plain, django_user_model):
    other = django_user_model.objects.create_user("other@example.com")
    theirs = enrolment.add(other)[1]

    assert not codes.spend(row_of(user, KIND), theirs[0])


@pytest.mark.django_db(transaction=True)
def test_one_of_many_equal_codes_at_once_wins(user):
    plain = enrolment.add(user)[1]
    row = row_of(user, KIND)

    results = at_once(8, lambda _: codes.spend(row, plain[0]))

    assert sorted(results) == [False] * 7 + [True], connection.vendor
    assert codes.left(row_of(user, KIND)) == 9


@pytest.mark.django_db(transaction=True)
def test_different_codes_at_once_all_work(user):
    plain = enrolment.add(user)[1]
    row = row_of(user, KIND)

    results = at_once(4, lambda number: codes.spend(row, plain[number]))

    assert results == [True] * 4, connection.vendor
    assert codes.left(row_of(user, KIND)) == 6
