"""A test that never ends. `tests/test_ending.py` runs it by the name of this file."""

import os
import time
from pathlib import Path


def test_it_goes_on(make_redis, kakao_process, db):
    make_redis()
    Path(os.environ["TEST_ENDLESS"]).touch()
    time.sleep(600)
