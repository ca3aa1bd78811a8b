"""Make bells for a test, and read the messages that are published on the channel."""

import contextlib
import json
import time

import redis
from django.db import connections

from accounts.bell import CHANNEL, Bell


class Pubsub:
    """A subscription with these messages and no later ones. It answers each ping."""

    def __init__(self, *messages):
        self.messages = list(messages)

    def ping(self):
        self.messages.append({"type": "pong", "data": b""})

    def get_message(self, timeout):
        if self.messages:
            return self.messages.pop(0)
        time.sleep(min(timeout, 0.01))
        return None

    def close(self):
        pass


def message(topic, *ids):
    """Return a message as Redis delivers it."""
    return {"type": "message", "data": payload(topic, *ids)}


def payload(topic, *ids):
    """Return the text that the bell publishes for this topic."""
    return json.dumps({"topic": topic, "ids": [str(each) for each in ids]})


def published(listener):
    """Return the messages published since the last call.

    Publishes a marker and reads up to it, so that it doesn't wait longer than needed.
    """
    redis.Redis(connection_pool=listener.connection_pool).publish(CHANNEL, "null")
    heard = []
    while (data := json.loads(listener.get_message(timeout=20)["data"])) is not None:
        assert abs(data.pop("at") - time.time()) < 30
        heard.append(data)
    return heard


class Over(Exception):  # noqa: N818 - not an error
    pass


class StoppableBell(Bell):
    """A bell with the real thread, which a test can end."""

    def __init__(self):
        self.over = False
        super().__init__()

    def _run(self):
        try:
            with contextlib.suppress(Over):
                super()._run()
        finally:
            connections.close_all()

    def _hear(self, pubsub):
        if self.over:
            if pubsub is not None:
                pubsub.close()
            raise Over
        return super()._hear(pubsub)

    def stop(self):
        self.over = True
        if self._thread is not None:
            self._thread.join(20)
            assert not self._thread.is_alive()
