"""Turn a report's lines into a form that is the same in each run and on each machine."""

import re


def steady(text: str) -> str:
    """Return the text without the parts that differ between runs."""
    text = re.sub(r"\d+(\.\d+)? ms", "N ms", text)
    return re.sub(r"\d+\.\d MiB used, \d+%", "N MiB used, N%", text)


def version_line(server: dict[str, str]) -> tuple[str, str, str]:
    """Return the doctor's line for this machine's Redis or Valkey, given its `INFO server`."""
    number = server["redis_version"]
    name = f"Valkey {server['valkey_version']}" if "valkey_version" in server else number
    if tuple(map(int, number.split(".")[:2])) >= (7, 2):
        return ("ok", name, "")
    return (
        "warning",
        f"{name}: its makers no longer patch this series",
        "Upgrade to 7.2 or newer, unless your distribution still patches it.",
    )
