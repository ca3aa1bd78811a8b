"""Send commands to one server of the sessions in one round trip, and wait until replicas have what they wrote.

Nothing here chooses the server (`nodes`), waits or retries (`outage`).
"""

from collections.abc import Callable, Sequence
from typing import Any

from django.conf import settings
from redis import Redis
from redis.exceptions import ResponseError

Command = tuple[Any, ...]
Send = Callable[[Sequence[Command]], list[Any]]
"""Sends commands in one round trip and returns their answers. Raises the first error."""


class NotAcknowledgedError(Exception):
    """Fewer replicas than `REDIS_REPLICA_ACKS` have confirmed the write."""


def exchange(
    client: Redis,
    commands: Sequence[Command],
    *,
    acks: int = 0,
    is_asking: bool = False,
    but: type[Exception] | tuple[()] = (),
) -> list[Any]:
    """Send the commands on one connection, and return the answers.

    WAIT counts the writes of its own connection only. Raises the first error, except errors of type `but`, which are
    among the answers: what was refused so was not executed.
    """
    if not acks and not is_asking:  # most calls: they read
        answers, has_errors = _answers(client, commands)
        if has_errors:
            raise_first(answers, but=but)
        return answers
    if is_asking:
        commands = [each for command in commands for each in (("ASKING",), command)]
    if acks:
        commands = [*commands, ("WAIT", acks, settings.REDIS_REPLICA_ACK_MS)]
    answers, has_errors = _answers(client, commands)
    count = answers.pop() if acks else 0
    if is_asking:
        answers = answers[1::2]
    if has_errors:
        raise_first(answers, but=but)
    if acks and not (has_errors and all(isinstance(each, Exception) for each in answers)):
        raise_first([count])
        if count < acks:
            raise NotAcknowledgedError("too few replicas have the write")
    return answers


def _answers(client: Redis, commands: Sequence[Command]) -> tuple[list[Any], bool]:
    """Send the commands in one round trip and return the answers, and whether errors are among them.

    A pipeline of redis-py does the same, but takes twice the time.
    """
    pool = client.connection_pool
    connection: Any = pool.get_connection()  # whose methods have no types
    answers: list[Any] = []
    has_errors = False
    try:
        connection.send_packed_command(connection.pack_commands(commands))
        for _ in commands:
            try:
                answers.append(connection.read_response())
            except ResponseError as error:
                answers.append(error)
                has_errors = True
    except BaseException:
        # Otherwise the next caller would read an answer that is left on the connection.
        connection.disconnect()
        raise
    finally:
        pool.release(connection)
    return answers, has_errors


def raise_first(answers: Sequence[Any], *, but: type[Exception] | tuple[()] = ()) -> None:
    for answer in answers:
        if isinstance(answer, Exception) and not isinstance(answer, but):
            raise answer
