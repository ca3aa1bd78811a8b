"""Kill PostgreSQL's primary under load, promote its standby, and test that no commit is lost.

Beside the visitors, apps sign in, refresh and sign out. Afterwards each acknowledged rotation and each
acknowledged end must be in the database that was the standby.
"""

import pytest

from tests.cluster.apps import Apps
from tests.cluster.rows import NO_DAMAGE, SIGN_INS, SIGN_OUTS

pytestmark = pytest.mark.cluster

BEHIND_SECONDS = 1.5
ROTATIONS, ENDINGS = 30, 6
"""The least number of acknowledged ones for each row."""


def fail_over(cluster, apps, *, cut_off):
    def event():
        with apps:
            apps.wait(ROTATIONS // 2)
            if cut_off:
                cluster.postgres.cut_off()
            cluster.postgres.fail_over(after_seconds=BEHIND_SECONDS if cut_off else 0)
            apps.wait(ROTATIONS)

    return event


@pytest.mark.parametrize(
    ("name", "cut_off"),
    [
        ("kill -9 PostgreSQL's primary, promote the standby", False),
        ("kill it 1.5 s after its standby was cut off", True),
    ],
)
def test_synchronous_standby_has_each_acknowledged_commit(own, measured, noted, name, cut_off):
    apps = Apps(own.balancer.port, own.trust())

    row = measured(own, name, fail_over(own, apps, cut_off=cut_off))

    found = own.postgres.primary.url
    noted(f"{name}: {apps.summary(found)}")
    assert row.sign_ins >= SIGN_INS
    assert row.sign_outs >= SIGN_OUTS
    assert row.damage == NO_DAMAGE, row.details
    assert apps.failed == []
    assert (apps.rotations >= ROTATIONS, apps.endings >= ENDINGS) == (True, True)
    assert (apps.lost(found), apps.undone(found)) == (0, 0)


def test_asynchronous_standby_loses_rotations(own, measured, noted):
    own.postgres.rejoin(synchronous=False)
    apps = Apps(own.balancer.port, own.trust())

    name = "  the same with an asynchronous standby"
    measured(own, name, fail_over(own, apps, cut_off=True))

    found = own.postgres.primary.url
    noted(f"{name.strip()}: {apps.summary(found)}")
    assert apps.lost(found) > 0
