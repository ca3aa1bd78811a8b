"""Fill the gallery's site with people: `python -m tests.gallery.fill` in its environment."""

from datetime import timedelta

import django

django.setup()

from allauth.socialaccount.models import SocialAccount  # noqa: E402 - needs the apps
from django.utils import timezone  # noqa: E402

from accounts.audit.vocabulary import EVENT_TYPES, REASONS  # noqa: E402
from accounts.factors.recovery_codes import codes  # noqa: E402
from accounts.factors.recovery_codes import enrolment as recovery_codes  # noqa: E402
from accounts.people.models import User  # noqa: E402
from tests.gallery.people import (  # noqa: E402
    ALL,
    DEVICE_COUNT,
    DEVICES,
    ENROLS,
    FULL,
    FULL_NAME,
    IPS,
    MUST,
    MUST_GROUP,
    PASSWORD,
    RECOVERY_CODES,
    RESET,
    SECOND,
)
from tests.kit.factories import AuditEventFactory, AuthSessionFactory, UserFactory  # noqa: E402
from tests.kit.factors import enrol_app  # noqa: E402


def fill() -> None:
    """Create everybody. Call once."""

    for email in (*ALL, *ENROLS.values(), RESET, SECOND, MUST):
        UserFactory(email=email, password=PASSWORD, display_name=FULL_NAME if email == FULL else "")
    full, now = User.objects.get(email=FULL), timezone.now()
    admin = User.objects.get(email="admin@example.com")
    for number in range(DEVICE_COUNT):
        AuthSessionFactory(
            user=full,
            token=number % 3 == 2,
            user_agent=DEVICES[number % len(DEVICES)],
            ip=IPS[number % len(IPS)],
            amr=[["pwd"], ["google", "otp"], ["pwd", "mfa", "hwk"], []][number % 4],
            created_at=now - timedelta(hours=7 * number),
            last_seen_at=now - timedelta(minutes=45 * number),
        )
    reasons = ["", *REASONS]
    for number, kind in enumerate([*EVENT_TYPES, *["session.revoked"] * len(reasons)]):
        AuditEventFactory(
            user=full,
            actor=admin if number % 5 == 4 else None,
            type=kind,
            identifier=FULL,
            reason=reasons[number % len(reasons)]
            if kind in {"session.revoked", "login.failed"}
            else "",
            user_agent=DEVICES[number % len(DEVICES)],
            ip=IPS[number % len(IPS)],
            created_at=now - timedelta(hours=5 * number),
        )
    User.objects.get(email=MUST).groups.create(name=MUST_GROUP)
    second = User.objects.get(email=SECOND)
    enrol_app(second)
    row, _ = recovery_codes.add(second)
    row.data["left"] = [codes.hashed(code, row.data["salt"]) for code in RECOVERY_CODES]
    row.save()
    for provider in ("google", "kakao", "naver"):
        SocialAccount.objects.create(
            user=full,
            provider=provider,
            uid=f"{provider}-of-the-gallery",
            extra_data={"email": FULL, "name": FULL_NAME},
        )


if __name__ == "__main__":
    fill()
