"""Turn Hangul into the keys that type it, and so find Korean words in passwords of Latin letters.

In Korea, a usual password is a Korean word that is typed while the keyboard is in its English mode:
비밀번호 (password) gives `qlalfqjsgh`. The layout is the standard one, with two sets (두벌식, KS X 5002).
Shift is left out: ㄲ is `r` with Shift, and lists are compared without capitals.
"""

import unicodedata

_INITIAL = "r r s e e f a q q t t d w w c z x v g"
_VOWEL = "k o i o j p u p h hk ho hl y n nj np nl b m ml l"
_FINAL = "r r rt s sw sg e f fr fa fq ft fx fv fg a q qt t t d w c z x v g"

_KEYS = {
    first + offset: keys
    for first, row in ((0x1100, _INITIAL), (0x1161, _VOWEL), (0x11A8, _FINAL))
    for offset, keys in enumerate(row.split())
}
"""The keys for each letter, by its conjoining code point, in the order of Unicode."""


def typed(text: str) -> str:
    """Return the text with each Hangul letter and syllable replaced by its keys."""
    return unicodedata.normalize("NFKD", text).translate(_KEYS)
