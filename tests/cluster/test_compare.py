"""Test the claims of docs/session-storage.md about the three solutions."""

import pytest

from tests.cluster import compare

pytestmark = pytest.mark.cluster


def measured(answer, cluster):
    row = answer(cluster)
    compare.ROWS.append(row)
    return row


def test_sticky_sessions_are_lost_with_their_server(cluster):
    row = measured(compare.sticky, cluster)

    assert row.lost > 0
    shares = [int(share) for share in row.shares.split()]
    assert max(shares) > min(shares) + 10


def test_copied_sessions_are_found_on_other_servers(cluster):
    row = measured(compare.replicated, cluster)

    assert row.lost < row.sign_ins / 2
    assert row.copied > 0


def test_sessions_in_a_separate_store_survive_a_killed_server(cluster):
    row = measured(compare.central, cluster)

    assert (row.lost, row.failed, row.wiped) == (0, 0, 0), row.details
    shares = [int(share) for share in row.shares.split()]
    assert max(shares) <= min(shares) + 10


def test_sessions_in_a_separate_store_survive_its_killed_primary(cluster):
    row = measured(compare.central_fails_too, cluster)

    assert (row.lost, row.failed, row.wiped) == (0, 0, 0), row.details
