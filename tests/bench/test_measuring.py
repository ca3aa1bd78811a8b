"""Test the reading of wrk's output."""

import pytest

from bench.measuring import Sample, sample

RESULT = 'RESULT {"requests": %d, "microseconds": 2000000, "bad": %d, "p50": 1500, "p99": 9250}\n'


def test_a_sample_has_its_units():
    output = f"Running 2s test\n{RESULT % (400, 3)}Requests/sec: 200\n"

    assert sample(output, cpu=0.5) == Sample(
        rate=200, p50=1.5, p99=9.25, cpu=1250, bad=3, requests=400
    )


def test_a_sample_without_an_answer_has_the_rate_zero():
    assert sample(RESULT % (0, 0), cpu=0.5) == Sample(
        rate=0, p50=1.5, p99=9.25, cpu=500_000, bad=0, requests=0
    )


def test_an_output_without_a_result_is_an_error():
    with pytest.raises(StopIteration):
        sample("unable to connect\n", cpu=0)
