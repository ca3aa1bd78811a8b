"""Do the jobs of a test, and record them."""

from datetime import timedelta

from accounts.outbox import jobs


class Recorded(jobs.Handler):
    """Call the test's function for each job, and record each call."""

    kind = "recorded"
    retry_after = (timedelta(seconds=30), timedelta(minutes=5))

    def __init__(self):
        self.done, self.attempts, self.dropped = [], [], []
        self.closed = 0
        self.act = lambda payload: None

    def do(self, payload):
        self.act(payload)
        self.done.append(payload["name"])

    def failed(self, payload, error, *, attempt):
        self.attempts.append((attempt, str(error)))

    def given_up(self, payload):
        self.dropped.append(payload.get("name"))

    def close(self):
        self.closed += 1
