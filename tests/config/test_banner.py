"""Say in the demo's table how to require a second step."""

import pytest

from config import banner


@pytest.mark.parametrize(
    ("demo", "policy", "is_said"),
    [(True, "nobody", True), (True, "staff", False), (False, "nobody", False)],
)
def test_a_demo_says_how_to_require_a_second_step(settings, demo, policy, is_said):
    settings.DEMO, settings.MFA_REQUIRED_FOR = demo, policy

    assert ("make run MFA_REQUIRED_FOR=staff" in str(banner.rows())) is is_said
