"""Invent users, sign-ins and events, to measure a site with millions of them.

Each row follows from its number, so that a second run goes on where the first one stopped. The
addresses are of example.com and of networks for tests. Nobody can sign in as such a user.
"""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from accounts.audit.vocabulary import EventType, LoginFailure

NAMESPACE = UUID("6f1c2a6e-0d0f-4f57-9c5e-5d2c2b1f7a10")
FAMILY = ["kim", "lee", "park", "choi", "jung", "kang", "cho", "yoon", "jang", "lim"]
GIVEN = ["mina", "jiho", "seoyeon", "doyun", "hana", "minjun", "suah", "taeyang", "yuna", "jun"]
FAMILY_KO = "김이박최정강조윤장임"
GIVEN_KO = ["민아", "지호", "서연", "도윤", "하나", "민준", "수아", "태양", "유나", "준"]
DEVICES = [
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/140.0.0.0 Safari/537.36"
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
        "Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
    ),
    "okhttp/4.12.0",
]
METHODS = [
    *(["pwd"], ["pwd"], ["google"], ["kakao"], ["naver"]),
    *(["pwd", "otp", "mfa"], ["hwk", "user", "mfa"]),
]
FAILURES = [
    *[LoginFailure.WRONG_PASSWORD] * 12,
    *[LoginFailure.UNKNOWN_USER] * 6,
    *LoginFailure,
]
TYPES = [
    *[EventType.LOGIN_SUCCEEDED] * 50,
    *[EventType.LOGIN_FAILED] * 25,
    *[EventType.SESSION_REVOKED] * 15,
    *[EventType.USER_SIGNED_UP] * 4,
    *[EventType.SESSION_PROVED] * 3,
    *(EventType.PASSWORD_RESET_REQUESTED, EventType.ACTIVITY_DENIED, EventType.FACTOR_ADDED),
]
ENDS = ["logout", "logout", "password_changed", "admin"]
STAFF_EVERY, FACTOR_EVERY, ACTIVE, ENDED, IPV6 = 5000, 8, 0.99, 0.6, 0.2

Row = dict[str, Any]
"""The values of one row, by column."""


@dataclass(frozen=True)
class Crowd:
    """How many rows there are in the end, and over how many days before `now` they are spread."""

    users: int
    sign_ins: int
    events: int
    days: int
    now: datetime

    def user(self, number: int) -> Row:
        return {
            "id": user_id(number),
            "password": "!",
            "password_version": uuid5(NAMESPACE, f"password-{number}"),
            "email": email_of(number),
            "display_name": FAMILY_KO[number % 10] + GIVEN_KO[number // 10 % 10],
            "locale": "",
            "extras": "{}",
            "is_active": _chance(number).random() < ACTIVE,
            "is_staff": number % STAFF_EVERY == 1,
            "is_superuser": False,
            "date_joined": self._time(number, self.users),
        }

    def address(self, number: int) -> Row:
        email = email_of(number)
        return {"user_id": user_id(number), "email": email, "verified": True, "primary": True}

    def factor(self, number: int) -> Row:
        owner = user_id(number * FACTOR_EVERY + 1)
        return {"user_id": owner, "type": "totp", "data": "{}", "created_at": self.now}

    def sign_in(self, number: int) -> Row:
        chance, created = _chance(number), self._time(number, self.sign_ins)
        seen = min(self.now, created + timedelta(hours=chance.randrange(200)))
        is_ended, is_token = chance.random() < ENDED, number % 3 == 0
        return {
            "id": sid_of(number),
            "user_id": user_id(chance.randrange(self.users)),
            "kind": "token" if is_token else "browser",
            "client_id": "first-party",
            "ip": _ip(chance),
            "user_agent": DEVICES[number % 3],
            "amr": json.dumps(chance.choice(METHODS)),
            "auth_time": created,
            "lacks_second_step": False,
            "created_at": created,
            "last_seen_at": seen,
            "expires_at": created + timedelta(days=90),
            "revoked_at": seen if is_ended else None,
            "revoked_reason": chance.choice(ENDS) if is_ended else "",
            "refresh_jti": f"{number:032x}" if is_token else "",
            "previous_refresh_jti": "",
            "refresh_repeats": 0,
            "retry_key_hmac": "",
        }

    def event(self, number: int) -> Row:
        """Return one event, without its place in the chain."""
        chance = _chance(number)
        kind, who = chance.choice(TYPES), chance.randrange(self.users)
        is_failure = kind is EventType.LOGIN_FAILED
        reason = str(chance.choice(FAILURES)) if is_failure else ""
        if kind is EventType.SESSION_REVOKED:
            reason = chance.choice(ENDS)
        is_known = reason != LoginFailure.UNKNOWN_USER
        has_sid = self.sign_ins and not is_failure
        return {
            "created_at": self._time(number, self.events),
            "type": kind.value,
            "user_id": user_id(who) if is_known else None,
            "identifier": email_of(who) if is_known else f"typo{who}@example.com",
            "sid": sid_of(number % self.sign_ins) if has_sid else None,
            "ip": _ip(chance),
            "user_agent": DEVICES[number % 3],
            "reason": reason,
            "note": "",
            "amr": json.dumps(chance.choice(METHODS) if kind is EventType.LOGIN_SUCCEEDED else []),
            "request_id": request_id_of(number),
            "personal": "{}",
            "hash": "",
        }

    def _time(self, number: int, amount: int) -> datetime:
        return self.now - timedelta(days=self.days) * (1 - number / amount)


def rows(make: Callable[[int], Row], first: int, end: int) -> Iterator[Row]:
    return map(make, range(first, end))


def user_id(number: int) -> UUID:
    return uuid5(NAMESPACE, f"user-{number}")


def sid_of(number: int) -> UUID:
    return uuid5(NAMESPACE, f"sign-in-{number}")


def request_id_of(number: int) -> str:
    return str(uuid5(NAMESPACE, f"event-{number}"))


def email_of(number: int) -> str:
    return f"{GIVEN[number // 10 % 10]}.{FAMILY[number % 10]}{number}@example.com"


def _chance(number: int) -> random.Random:
    return random.Random(number)  # noqa: S311 - invented data


def _ip(chance: random.Random) -> str:
    if chance.random() < IPV6:
        return f"2001:db8:{chance.randrange(1 << 16):x}::{chance.randrange(1, 1 << 16):x}"
    return f"198.18.{chance.randrange(256)}.{chance.randrange(256)}"
