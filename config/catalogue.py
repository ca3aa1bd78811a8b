"""Compile translations: each `locale/*/LC_MESSAGES/django.po` into the `django.mo` that Django reads.

Needs no gettext on the machine. Both formats: https://www.gnu.org/software/gettext/manual/
"""

import ast
import os
import struct
from collections.abc import Iterator
from pathlib import Path

LOCALE = Path(__file__).resolve().parents[1] / "locale"
MAGIC, REVISION, HEADER_BYTES, ENTRY_BYTES = 0x950412DE, 0, 28, 8


def compile_changed(locale: Path = LOCALE) -> None:
    """Compile every catalogue whose `.mo` is missing or older. Call before Django starts.

    Raises `ValueError` for a `.po` that can't be read.
    """
    for source in locale.glob("*/LC_MESSAGES/django.po"):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime_ns >= source.stat().st_mtime_ns:
            continue
        # Write a draft and rename it: another process may read or compile at the same time, and
        # must see a whole file.
        draft = target.with_suffix(f".{os.getpid()}.mo")
        draft.write_bytes(compiled(source.read_text(encoding="utf-8")))
        draft.replace(target)


def compiled(text: str) -> bytes:
    """Return the `.mo` of this `.po`, without the entries that are fuzzy or not translated."""
    messages = sorted(
        (_key(entry).encode(), "\0".join(_translations(entry)).encode())
        for entry in _entries(text)
        if all(_translations(entry))
    )
    count = len(messages)
    keys_at = HEADER_BYTES
    values_at = keys_at + count * ENTRY_BYTES
    table, data = b"", b""
    for column in (0, 1):
        for message in messages:
            at = values_at + count * ENTRY_BYTES + len(data)
            table += struct.pack("<II", len(message[column]), at)
            data += message[column] + b"\0"
    # No hash table: its size is 0.
    header = struct.pack("<7I", MAGIC, REVISION, count, keys_at, values_at, 0, HEADER_BYTES)
    return header + table + data


def _key(entry: dict[str, str]) -> str:
    key = entry["msgid"]
    if "msgctxt" in entry:
        key = f"{entry['msgctxt']}\x04{key}"
    if "msgid_plural" in entry:
        key = f"{key}\0{entry['msgid_plural']}"
    return key


def _translations(entry: dict[str, str]) -> list[str]:
    """Return the entry's `msgstr`, or all its `msgstr[n]` in the order of the file."""
    return [value for name, value in entry.items() if name.startswith("msgstr")]


def _entries(text: str) -> Iterator[dict[str, str]]:
    """Yield each entry that isn't fuzzy, as a dict from keyword to text. Raises `ValueError`."""
    entry: dict[str, str] = {}
    name, is_fuzzy = "", False
    for number, line in enumerate([*text.splitlines(), "#"], start=1):
        if line.startswith(("#", "msgctxt ", "msgid ")) and _translations(entry):
            if not is_fuzzy:
                yield entry
            entry, is_fuzzy = {}, False
        if line.startswith("#"):
            is_fuzzy = is_fuzzy or (line.startswith("#,") and "fuzzy" in line)
        elif line:
            keyword, quote, rest = line.partition('"')
            name = keyword.strip() or name
            try:
                entry[name] = entry.get(name, "") + ast.literal_eval(quote + rest)
            except (SyntaxError, ValueError) as exc:
                raise ValueError(f"line {number} of a .po file can't be read: {line}") from exc
