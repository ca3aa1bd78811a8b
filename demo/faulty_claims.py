"""Define faults in a provider's data: ID tokens, security events, profiles, token information.

Each table maps the fault's name to a function that takes correct data and returns faulty data.
"""

import time
from collections.abc import Callable

Claims = dict[str, object]
HOUR = 3600


def changed(**changes: object) -> Callable[[Claims], Claims]:
    return lambda claims: claims | changes


def without(name: str) -> Callable[[Claims], Claims]:
    return lambda claims: {key: value for key, value in claims.items() if key != name}


def later(**offsets: int) -> Callable[[Claims], Claims]:
    return lambda claims: (
        claims | {name: int(time.time()) + offset for name, offset in offsets.items()}
    )


CLAIMS: dict[str, Callable[[Claims], Claims]] = {
    "wrong_issuer": changed(iss="https://attacker.example"),
    "missing_issuer": without("iss"),
    "issuer_list": lambda claims: claims | {"iss": [claims["iss"]]},
    "wrong_audience": changed(aud="another-client", azp="another-client"),
    "missing_audience": without("aud"),
    "empty_audience": changed(aud=[]),
    "second_audience": lambda claims: claims | {"aud": [claims["aud"], "another-client"]},
    "wrong_azp": changed(azp="another-client"),
    "expired": later(iat=-2 * HOUR, exp=-HOUR),
    "endless": later(exp=10 * 365 * 24 * HOUR),
    "infinite": changed(exp=10**40),
    "missing_expiry": without("exp"),
    "text_expiry": changed(exp="tomorrow"),
    "true_expiry": changed(exp=True),
    "missing_iat": without("iat"),
    "future_iat": later(iat=HOUR, exp=2 * HOUR),
    "not_yet": later(nbf=HOUR),
    "missing_subject": without("sub"),
    "empty_subject": changed(sub=""),
    "number_subject": changed(sub=12345),
    "long_subject": changed(sub="1" * 192),
    "unprintable_subject": changed(sub="1\x002"),
    "missing_nonce": without("nonce"),
    "wrong_nonce": changed(nonce="another-nonce"),
    "nonce_list": changed(nonce=["x"]),
    "with_events": changed(events={"https://schemas.openid.net/event/backchannel-logout": {}}),
}

AUTH_TIMES: dict[str, Callable[[Claims], Claims]] = {
    "old_auth_time": later(auth_time=-HOUR),
    "future_auth_time": later(auth_time=HOUR),
    "text_auth_time": changed(auth_time="now"),
}
"""Faults that matter only to a site that asked for `auth_time`."""


def _account(**changes: object) -> Callable[[Claims], Claims]:
    def change(told: Claims) -> Claims:
        account = told["kakao_account"]
        assert isinstance(account, dict)  # noqa: S101 - this module's own shape
        kept = {key: value for key, value in account.items() if changes.get(key, 0) is not None}
        kept |= {key: value for key, value in changes.items() if value is not None}
        return told | {"kakao_account": kept}

    return change


ACCOUNTS: dict[str, Callable[[Claims], Claims]] = {
    "invalid_email": _account(is_email_valid=False),
    "email_without_verdict": _account(is_email_verified=None),
    "email_with_text_verdict": _account(is_email_verified="true"),
    "strange_email": _account(email=["a@example.com"]),
    "long_email": _account(email="a" * 250 + "@example.com"),
    "strange_profile": changed(kakao_account="none", properties=None),
    "strange_nickname": _account(profile={"nickname": "\x00\ud800" + "가" * 300}),
    "other_person": changed(id=4999999999),
    "missing_id": without("id"),
    "strange_id": changed(id={"a": 1}),
}


def _member(**changes: object) -> Callable[[Claims], Claims]:
    def change(told: Claims) -> Claims:
        member = told["response"]
        assert isinstance(member, dict)  # noqa: S101 - this module's own shape
        return told | {"response": member | changes}

    return change


MEMBERS: dict[str, Callable[[Claims], Claims]] = {
    "refused_with_200": lambda _: {"resultcode": "024", "message": "Authentication failed"},
    "other_resultcode": changed(resultcode="500"),
    "number_resultcode": changed(resultcode=0),
    "missing_resultcode": without("resultcode"),
    "missing_member": without("response"),
    "member_list": changed(response=[{"id": "x"}]),
    "missing_member_id": _member(id=None),
    "empty_member_id": _member(id=""),
    "number_member_id": _member(id=12345),
    "long_member_id": _member(id="x" * 65),
    "unprintable_member_id": _member(id="x\x00y"),
    "strange_member_email": _member(email=["a@example.com"]),
    "strange_member_name": _member(name="\x00\ud800" + "가" * 300),
    "number_member_name": _member(name=1, nickname={"a": 1}),
    "boastful_member": _member(email_verified=True, is_email_verified=True, is_email_valid=True),
}
TOKEN_INFOS: dict[str, Callable[[Claims], Claims]] = {
    "wrong_app": changed(app_id=999999),
    "missing_app": without("app_id"),
    "text_expiry_info": changed(expires_in="soon"),
    "dead_token": changed(expires_in=0),
}


def _event(**changes: object) -> Callable[[Claims], Claims]:
    """Return a fault that changes members of the event. None removes the member."""

    def change(claims: Claims) -> Claims:
        events = claims["events"]
        assert isinstance(events, dict)  # noqa: S101 - this module's own shape
        (uri, event) = next(iter(events.items()))
        kept = {key: value for key, value in event.items() if changes.get(key, 0) is not None}
        kept |= {key: value for key, value in changes.items() if value is not None}
        return claims | {"events": {uri: kept}}

    return change


def _subject(**changes: object) -> Callable[[Claims], Claims]:
    def change(claims: Claims) -> Claims:
        subject = {"subject_type": "iss-sub", "iss": claims["iss"], "sub": "1"}
        return _event(subject=subject | changes)(claims)

    return change


EVENTS: dict[str, Callable[[Claims], Claims]] = {
    "missing_jti": without("jti"),
    "number_jti": changed(jti=1),
    "long_jti": changed(jti="1" * 300),
    "text_iat": changed(iat="now"),
    "old_event": later(iat=-8 * 24 * HOUR),
    "endless_iat": changed(iat=10**400),
    "event_with_nonce": changed(nonce="n"),
    "missing_events": without("events"),
    "empty_events": changed(events={}),
    "events_list": changed(events=["sessions-revoked"]),
    "event_that_is_text": lambda claims: claims | {"events": dict.fromkeys(claims["events"], "x")},  # type: ignore[call-overload]  # a dict
    "missing_event_subject": _event(subject=None),
    "event_subject_list": _event(subject=["1"]),
    "event_subject_of_other_issuer": _subject(iss="https://attacker.example"),
    "event_subject_of_other_type": _subject(subject_type="email"),
    "event_subject_type_list": _subject(subject_type=["iss-sub"]),
    "event_subject_number": _subject(sub=1),
    "event_subject_unprintable": _subject(sub="1\x002"),
}
