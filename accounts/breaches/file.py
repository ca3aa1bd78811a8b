"""Find a hash in a file of leaked passwords by binary search, without loading the file.

The file is that of Have I Been Pwned: a line `SHA-1:COUNT` for each password, ordered by hash. It has tens of
gigabytes; one search reads about 40 pieces of 128 bytes.
"""

import os
import re
from pathlib import Path

LINE = re.compile(rb"[0-9A-Fa-f]{40}:[0-9]{1,20}\r?")
LONGEST = 64
"""At least as long as a line: 40 digits of the hash, a colon, 20 digits, two line ends."""
SAMPLES = 64


def has(path: str, digest: str) -> bool:
    """Return True if the file has this SHA-1. Raises `OSError`, and `ValueError` for another format."""
    wanted = digest.encode().upper()
    file = os.open(path, os.O_RDONLY)
    try:
        low, high = 0, os.fstat(file).st_size
        while low < high:
            start, line, end = _line_at(file, (low + high) // 2)
            found = line[:40].upper()
            if found == wanted:
                return True
            low, high = (end, high) if found < wanted else (low, start)
    finally:
        os.close(file)
    return False


def fault(path: str) -> str:
    """Return what is wrong with the file, or ''. Reads `SAMPLES` lines, for a check at the start."""
    try:
        size = Path(path).stat().st_size
        file = os.open(path, os.O_RDONLY)
    except OSError as exc:
        return f"it can't be read: {exc.strerror}"
    try:
        starts = sorted({size * n // SAMPLES for n in range(SAMPLES)})
        hashes = [_line_at(file, start)[1][:40].upper() for start in starts]
    except OSError as exc:
        return f"it can't be read: {exc.strerror}"
    except ValueError as exc:
        return str(exc)
    finally:
        os.close(file)
    return "" if hashes == sorted(hashes) else "its lines aren't ordered by hash"


def _line_at(file: int, position: int) -> tuple[int, bytes, int]:
    """Return the start of the line at this position, the line, and the start of the next one."""
    first = max(0, position - LONGEST)
    piece = os.pread(file, 2 * LONGEST, first)
    start = piece.rfind(b"\n", 0, position - first) + 1
    end = piece.find(b"\n", position - first)
    if end < 0:
        end = len(piece)
    if not LINE.fullmatch(piece[start:end]):
        raise ValueError(f"byte {first + start} isn't the start of a line `SHA-1:COUNT`")
    return first + start, piece[start:end], first + end + 1
