"""Test the line of a good request: written by hand, it is the line that structlog and logging write."""

import json
import re

import pytest

TIME = re.compile(r'"timestamp": "\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z"')
BOTH_WAYS = """
import logging, os, tempfile
import structlog
from structlog.contextvars import bind_contextvars, clear_contextvars
from config import request_lines

file = tempfile.TemporaryFile()
os.dup2(file.fileno(), 2)
records = []
emit = logging.StreamHandler.emit
logging.StreamHandler.emit = lambda handler, record: (records.append(record), emit(handler, record))

def written(call):
    before = os.fstat(2).st_size
    call()
    return os.pread(file.fileno(), 100_000, before).decode()

def by_hand(**line):
    return written(lambda: request_lines.write(**line))

def as_usual(**line):
    return written(lambda: structlog.get_logger("config.middleware").info("request_finished", **line))
"""
ID = "2df2c39f-f962-4a4a-8ee3-0ba70cd641df"
BOUND = [
    {},
    {"request_id": "caller-chose-this"},
    {"request_id": ID, "user_id": ID, "sid": ID},
    {"client_id": ID, "reason": "invalid_token", "trace_id": "0" * 32},
    {"request_id": ID, "number": 1, "share": 0.5, "is_so": True, "nothing": None, "other": [1]},
    {"request": "not-this", "code": 1},
]
REQUESTS = [
    "GET /api/me/",
    "GET /accounts/password/reset/key/1a-SECRET/",
    "GET /nothing?code=SECRET&x=SECRET",
    "GET /eyJSECRET.eyJSECRET.SECRET-SECRET",
    'GET /"};DROP\\\n\x00\x7f',
    "GET /한국어/\ud83d/\u2028/é",
    "GET /" + "a" * 3500,
]


@pytest.fixture
def answers(site_under):
    def run(code, **env):
        return site_under(BOTH_WAYS + code, **{"LOG_FORMAT": "json", "LOG_LEVEL": "INFO"} | env)

    return run


def test_both_ways_write_the_same_text(answers):
    pairs = answers(
        f"""
answers = []
for bound in {BOUND!r}:
    for request in {REQUESTS!r}:
        clear_contextvars()
        bind_contextvars(**bound)
        line = dict(code=200, request=request)
        answers.append([by_hand(**line), len(records), as_usual(**line), len(records)])
        records.clear()
"""
    )

    assert len(pairs) == len(BOUND) * len(REQUESTS)
    for hand, records_by_hand, usual, records_as_usual in pairs:
        assert (records_by_hand, records_as_usual) == (0, 1)
        assert TIME.subn("<time>", hand) == TIME.subn("<time>", usual)
        assert json.loads(hand)["code"] == 200
        assert hand.endswith("}\n")
        assert "SECRET" not in hand


def test_another_handler_stream_or_filter_gets_the_line(answers):
    changes = [
        "logging.getLogger().addHandler(logging.NullHandler())",
        "logging.getLogger().handlers[0] = logging.StreamHandler()",
        "logging.getLogger().handlers[0].setStream(os.fdopen(os.dup(2), 'w'))",
        "logging.getLogger().handlers[0].addFilter(lambda record: True)",
        "logging.getLogger('config.middleware').addFilter(lambda record: True)",
        "logging.getLogger('config.middleware').addHandler(logging.NullHandler())",
        "logging.getLogger('config')",
    ]
    found = answers(
        f"""
from config import logs
logger = logging.getLogger("config.middleware")
answers = []
for change in ["", *{changes!r}]:
    logs.configure(settings.LOGGING)
    logger.filters, logger.handlers = [], []
    records.clear()
    exec(change)
    answers.append(["GET /api/me/" in by_hand(code=200, request="GET /api/me/"), len(records)])
"""
    )

    assert found == [[True, 0], *([True, 1] for _ in changes)]


def test_the_console_gets_its_own_format(answers):
    line, records = answers(
        "answers = by_hand(code=200, request='GET /api/me/'), len(records)", LOG_FORMAT="console"
    )

    assert not line.startswith("{")
    assert "GET /api/me/" in line
    assert records == 1


def test_a_line_that_a_pipe_could_tear_goes_the_usual_way(answers):
    line, records = answers(
        "answers = by_hand(code=200, request='GET /' + 'a' * 4096), len(records)"
    )

    assert json.loads(line)["request"] == "GET /" + "a" * 4096
    assert records == 1


def test_capture_logs_sees_the_line(answers):
    lines = answers(
        """
from structlog.testing import capture_logs
with capture_logs() as answers:
    by_hand(code=200, request="GET /api/me/")
"""
    )

    assert lines == [
        {
            "code": 200,
            "request": "GET /api/me/",
            "event": "request_finished",
            "log_level": "info",
        }
    ]


def test_a_higher_level_writes_no_line(answers):
    line = answers("answers = by_hand(code=200, request='GET /api/me/')", LOG_LEVEL="WARNING")

    assert line == ""


def test_a_stream_that_takes_nothing_fails_no_request(answers):
    answer = answers(
        """
os.dup2(os.open("/dev/full", os.O_WRONLY), 2)
request_lines.write(code=200, request="GET /api/me/")
answers = "no error"
"""
    )

    assert answer == "no error"


def test_a_request_is_written_by_hand(answers):
    calls = """
import logging
logging.getLogger("django.request").disabled = True
seen = []
write = request_lines.os.write
request_lines.os.write = lambda number, line: (seen.append(line.decode()), write(number, line))
from django.test import Client
Client().get("/nothing")
Client().get("/livez")
answers = seen, len(records)
"""

    lines, records = answers(calls)

    assert [json.loads(line)["request"] for line in lines] == ["GET /nothing"]
    assert records == 0
