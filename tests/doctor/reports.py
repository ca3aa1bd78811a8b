"""Lines of a report, without what differs from run to run and from machine to machine."""

import re


def steady(text: str) -> str:
    """Without what differs from run to run."""
    text = re.sub(r"\d+(\.\d+)? ms", "N ms", text)
    return re.sub(r"\d+\.\d MiB used, \d+%", "N MiB used, N%", text)


def version_line(server: dict[str, str]) -> tuple[str, str, str]:
    """The doctor's line for the Redis or Valkey of this machine, by what `INFO server` says."""
    number = server["redis_version"]
    name = f"Valkey {server['valkey_version']}" if "valkey_version" in server else number
    if tuple(map(int, number.split(".")[:2])) >= (7, 2):
        return ("ok", name, "")
    return (
        "warning",
        f"{name}: its makers no longer patch this series",
        "Upgrade to 7.2 or newer, unless your distribution still patches it.",
    )
