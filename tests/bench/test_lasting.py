"""Test the table of a worker's memory."""

import os

from bench import lasting
from bench.measuring import resident


def test_each_line_is_compared_with_the_first(monkeypatch):
    monkeypatch.setattr(lasting.os, "getloadavg", lambda: (1.25, 0, 0))

    assert lasting.table([(100, 100_000_000), (1000, 104_000_000)], bad=2) == [
        "Memory of a worker; 2 failed requests; load average 1.2",
        "",
        "| Requests | Memory | beside the first (aim: within 5 %) |",
        "| ---: | ---: | ---: |",
        "| 100 | 100.0 MB | +0.0 % |",
        "| 1,000 | 104.0 MB | +4.0 % |",
    ]


def test_the_memory_is_that_of_the_process():
    block = bytearray(os.urandom(1)) * 50_000_000

    with_block = resident(os.getpid())
    del block

    assert with_block - resident(os.getpid()) > 40_000_000
