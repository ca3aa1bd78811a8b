"""Find texts that a page shows in the other language."""

import re

from tests.gallery import people

HANGUL = re.compile(r"[가-힣]")
LATIN = re.compile(r"[A-Za-z]{2}")
DATA = re.compile(
    "|".join(
        [
            r"\S+@\S+",
            r"https?://\S+",
            r"\blocalhost:\d+\b",
            r"\bI[Dd]\b",
            r"[0-9a-f]{8}-[0-9a-f-]{27}",
            r"\b[0-9a-f:]*:[0-9a-f:]+\b",
            r"\b[A-Z]{4}-[A-Z]{4}\b",
            r"\b[0-9a-f]{64}\b",
            # An event type (`recovery_code.used`) before a name (`recovery_code`): the first match wins.
            r"\b[a-z_]+\.[a-z_]+\b",
            r"\b[a-z]+(_[a-z]+)+\b",
            r"\bmsg_[0-9a-f]{32}\b",
            r"\bmk_\w+",
            r"\borders:read\b",
            r"\bRFC \d+\b",
            r"\b(API|(GET|POST|DELETE) /\S+)",
            *map(
                re.escape,
                [people.FULL_NAME, people.COMPANY, people.MUST_GROUP, *people.DEVICES[4:5]],
            ),
            *map(
                re.escape,
                ["Demo", "김하나", "Sam Staff", "Ada Admin", "Alex Morgan", "Minji Kim", "Support"],
            ),
            *map(
                re.escape,
                ["Auditor", "Administrator"],
            ),
            *map(re.escape, ["Robin Park", "민지", "도윤", "서연", "김민지", "최지우", "정하준"]),
            r"\b(?i:Munjigi|문지기|Google|Kakao|Naver)(-of-the-gallery)?\b",
            r"\b(Group|User)-\w+ relationships?(: .*)?",
            r"\bfirst-party\b",
            # allauth has no Korean for its model, and Django stores names of permissions in English.
            r"MFA \| authenticator \| Can \w+ authenticator",
            r'\["\w+"(, "\w+")*\]',
            r"\b(Chrome|Chromium|Headless|Safari|Firefox|Samsung Internet|HeadlessChrome)\b",
            r"\b(Windows|Linux|Mac OS X|iOS|Android)\b",
            re.escape(people.DEVICES[4][:30]) + r"\S*",
            r"Mozilla/5\.0 .*",
        ]
    )
)
"""What people, providers and programs are called: the same in every language."""
ENGLISH_ONLY = {"Search", "True", "False"}
"""Texts of icons that Django's admin has in no other language."""


def plain(text: str) -> str:
    return DATA.sub("", text)


def untranslated(korean: list[str], english: list[str]) -> list[str]:
    """Return the texts of the Korean page that the English one has, too, and the Korean of that."""
    same = set(korean) & set(english) - ENGLISH_ONLY
    return [
        *(
            f"English on the Korean page: {text}"
            for text in sorted(same)
            if LATIN.search(plain(text))
        ),
        *(
            f"Korean on the English page: {text}"
            for text in sorted(english)
            if HANGUL.search(plain(text))
        ),
    ]
