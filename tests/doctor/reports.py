"""Lines of a report, without what differs from run to run and from machine to machine."""

import re


def steady(text: str) -> str:
    """Without what differs from run to run."""
    text = re.sub(r"\d+(\.\d+)? ms", "N ms", text)
    return re.sub(r"\d+\.\d MiB used, \d+%", "N MiB used, N%", text)


def version_line(number: str) -> tuple[str, str, str]:
    """What is said of the Redis that this machine happens to have."""
    if tuple(map(int, number.split(".")[:2])) >= (7, 2):
        return ("ok", number, "")
    return (
        "warning",
        f"{number}: upstream has ended that series",
        "Upgrade to 7.2 or newer, unless your distribution still mends it.",
    )
