"""A state can't be guessed, and shows nothing."""

import math
import string

from accounts.federation import states


def test_a_state_has_at_least_128_random_bits():
    parts = [states.draw({"process": "login", "next": "/"}).partition(".")[0] for _ in range(50)]

    alphabet = string.ascii_letters + string.digits
    assert set("".join(parts)) <= set(alphabet)
    assert {len(part) for part in parts} == {states.RANDOM_CHARACTERS}
    assert states.RANDOM_CHARACTERS * math.log2(len(alphabet)) >= 128
    assert len(set(parts)) == 50
