"""Recognise common passwords: those that guessing programs try first (ASVS 6.2.4).

Three lists: Django's 20,000 common passwords, which are mostly short; the 10,000 most frequent ones of at
least ten characters (`.ci/common_passwords.py` makes that file); and Korean words, as written and as typed
in the keyboard's English mode. Beside them, walks along the keys of a keyboard.
"""

import gzip
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from django.contrib.auth.password_validation import CommonPasswordValidator

from accounts.people.korean_keys import typed
from accounts.people.passwords import comparable

FOLDER = Path(__file__).parent
LIST = FOLDER / "common_passwords.txt.gz"
KOREAN = FOLDER / "korean_words.txt"
LOOKALIKES = str.maketrans("013457@$", "oieastas")
"""Signs that people write instead of a letter: `p@ssw0rd`."""
WALKS = (
    "1234567890" * 2,
    "0987654321" * 2,
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
    "1qazxsw23edcvfr45tgbnhy67ujm,ki89ol./;p0",
    "qazwsxedcrfvtgbyhnujmikolp",
    "zaq1xsw2cde3vfr4bgt5nhy6mju7,ki8.lo9/;p0",
)
SHORTEST_WALK = 6
_SIGNS = re.compile(r"^[\W_]+|[\W_]+$")
_DECORATION = re.compile(r"^[\W\d_]+|[\W\d_]+$")
_ENDING = re.compile(r"[\W\d_]+$")
_REPEATED = re.compile(r"(.+?)\1+", re.DOTALL)


def is_common(password: str) -> bool:
    """Return True for a common password, also with digits or signs around it, or written repeatedly."""
    text = comparable(password)
    return any(_is_listed(core) for form in {text, typed(text)} for core in _cores(form))


def _cores(text: str) -> Iterator[str]:
    """Generate the text without its decoration: only the end, only signs, digits and signs."""
    for decoration in (None, _ENDING, _SIGNS, _DECORATION):
        core = decoration.sub("", text) if decoration else text
        yield core
        yield core.translate(LOOKALIKES)
        if repeated := _REPEATED.fullmatch(core):
            yield repeated[1]


def _is_listed(core: str) -> bool:
    if core in _words():
        return True
    return len(core) >= SHORTEST_WALK and any(core in way or core in way[::-1] for way in WALKS)


@cache
def _words() -> frozenset[str]:
    korean = KOREAN.read_text().split()
    return frozenset(
        {
            *CommonPasswordValidator().passwords,
            *gzip.decompress(LIST.read_bytes()).decode().split("\n"),
            *(comparable(word) for word in korean),
            *(typed(word) for word in korean),
        }
    )
