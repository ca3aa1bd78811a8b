"""Fill the gallery's site with people: `python -m tests.gallery.fill` in its environment."""

import hashlib
from datetime import timedelta
from uuid import uuid4

import django

django.setup()

from allauth.socialaccount.models import SocialAccount  # noqa: E402 - needs the apps
from django.utils import timezone  # noqa: E402

from accounts.audit.vocabulary import EVENT_TYPES, REASONS, Denied, LoginFailure  # noqa: E402
from accounts.factors import fingerprint  # noqa: E402
from accounts.factors.models import FactorReset  # noqa: E402
from accounts.factors.recovery_codes import codes  # noqa: E402
from accounts.factors.recovery_codes import enrolment as recovery_codes  # noqa: E402
from accounts.invitations import invitations  # noqa: E402
from accounts.mail import notices  # noqa: E402
from accounts.mail.models import SentMail, hash_of  # noqa: E402
from accounts.operators.models import (  # noqa: E402
    BulkRun,
    BulkTarget,
    EmailProposal,
    OperatorNote,
)
from accounts.people.models import User  # noqa: E402
from accounts.reports.models import Report  # noqa: E402
from accounts.services import keys as api_keys  # noqa: E402
from accounts.services.models import ApiKey  # noqa: E402
from accounts.signins.models import TrustedBrowser  # noqa: E402
from tests.gallery.people import (  # noqa: E402
    ALL,
    BULK,
    DEVICE_COUNT,
    DEVICES,
    DORMANT,
    ENROLS,
    FULL,
    FULL_NAME,
    HERE,
    INVITED,
    IPS,
    KEYS,
    LOCKED,
    LOST,
    MUST,
    MUST_GROUP,
    PASSWORD,
    RECOVERY_CODES,
    REPORTS,
    RESET,
    SECOND,
    STOPS,
    WARNED,
)
from tests.kit.factories import AuditEventFactory, AuthSessionFactory, UserFactory  # noqa: E402
from tests.kit.factors import enrol_app, enrol_passkey  # noqa: E402
from tests.kit.passkeys import SoftAuthenticator  # noqa: E402

EVERYBODY = [
    *(
        *ALL,
        *DORMANT.values(),
        *ENROLS.values(),
        *HERE.values(),
        *REPORTS.values(),
        *STOPS.values(),
    ),
    *(KEYS, LOST, LOCKED, RESET, SECOND, MUST, WARNED),
]
KINDS = ["login.succeeded", "login.failed", "login.succeeded", "user.signed_up"]
METHODS = [["pwd"], ["google"], ["pwd", "mfa", "otp"], ["hwk", "pop"]]


def fill() -> None:
    """Create everybody. Call once."""
    for email in EVERYBODY:
        UserFactory(email=email, password=PASSWORD, display_name=FULL_NAME if email == FULL else "")
    full = User.objects.get(email=FULL)
    admin = User.objects.get(email="admin@example.com")
    _sign_in(full)
    _note_events(full, admin)
    _note_events_of_the_dashboard()
    _trust(full)
    _connect(full)
    _add_factors()
    _ask_for_resets(admin)
    _add_reports(full, admin)
    _act(admin, full)
    _warn_dormant()


def _sign_in(full: User) -> None:
    now = timezone.now()
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


def _note_events(full: User, admin: User) -> None:
    now, reasons = timezone.now(), ["", *REASONS]
    with_reason = {"session.revoked", "login.failed"}
    for number, kind in enumerate([*EVENT_TYPES, *["session.revoked"] * len(reasons)]):
        AuditEventFactory(
            user=full,
            actor=admin if number % 5 == 4 else None,
            type=kind,
            identifier=FULL,
            reason=reasons[number % len(reasons)] if kind in with_reason else "",
            user_agent=DEVICES[number % len(DEVICES)],
            ip=IPS[number % len(IPS)],
            created_at=now - timedelta(hours=5 * number),
        )
    for email in (WARNED, *HERE.values(), *REPORTS.values()):
        AuditEventFactory(user=User.objects.get(email=email), user_agent=DEVICES[0])


def _note_events_of_the_dashboard() -> None:
    now, reasons = timezone.now(), [*LoginFailure]
    for number in range(120):
        kind = KINDS[number % 4]
        AuditEventFactory(
            user=None,
            type=kind,
            reason=reasons[number // 4 % 3 + number // 12 % 6] if kind == "login.failed" else "",
            amr=METHODS[number // 7 % 4],
            user_agent=DEVICES[0],
            created_at=now - timedelta(hours=number**1.35),
        )


def _warn_dormant() -> None:
    for language, email in DORMANT.items():
        user = User.objects.get(email=email)
        user.locale = language
        user.save()
        notices.account_dormant(user, erase_at=timezone.now() + timedelta(days=30))


def _trust(full: User) -> None:
    now = timezone.now()
    for number in range(3):
        TrustedBrowser.objects.create(
            user=full,
            digest=f"{number:064}",
            fingerprint=fingerprint.of(full),
            sid=uuid4(),
            user_agent=DEVICES[number],
            ip=IPS[number],
            last_used_at=now - timedelta(hours=7) if number else None,
        )


def _connect(full: User) -> None:
    for provider in ("google", "kakao", "naver"):
        SocialAccount.objects.create(
            user=full,
            provider=provider,
            uid=f"{provider}-of-the-gallery",
            extra_data={"email": FULL, "name": FULL_NAME},
        )


def _add_factors() -> None:
    User.objects.get(email=MUST).groups.create(name=MUST_GROUP)
    keys = User.objects.get(email=KEYS)
    enrol_passkey(keys)
    enrol_passkey(keys, SoftAuthenticator(is_synced=False), is_passkey=False)
    for email in (SECOND, LOST):
        enrol_app(User.objects.get(email=email))
    for email in (SECOND, LOST, KEYS):
        row, _ = recovery_codes.add(User.objects.get(email=email))
        row.data["left"] = [codes.hashed(code, row.data["salt"]) for code in RECOVERY_CODES]
        row.save()


def _ask_for_resets(admin: User) -> None:
    for email in (LOST, *STOPS.values()):
        FactorReset.objects.create(
            user=User.objects.get(email=email),
            asked_by=admin,
            reason="#4711",
            due_at=timezone.now() + timedelta(days=1),
            stop_digest=hashlib.sha256(email.encode()).hexdigest(),
        )


def _add_reports(user: User, admin: User) -> None:
    """Add an open report of this user, and a closed one."""
    for number in range(2):
        Report.objects.create(
            user=user,
            about=Denied.SIGN_IN,
            event_id=number + 1,
            closed_at=timezone.now() if number else None,
            closed_by=admin if number else None,
            note=FULL_NAME if number else "",
        )


def _act(admin: User, full: User) -> None:
    """Create what operators did: proposed emails, a note, a lock; and the mails that were sent."""
    now = timezone.now()
    for email in (LOST, *STOPS.values()):
        user = User.objects.get(email=email)
        EmailProposal.objects.create(
            user=user,
            asked_by=admin,
            reason="#4711",
            email=f"new.{email}",
            due_at=now + timedelta(days=1),
            expires_at=now + timedelta(days=4),
            proof_digest=hashlib.sha256(f"new.{email}".encode()).hexdigest(),
            stop_digest=hashlib.sha256(email.encode()).hexdigest(),
        )
    for kind in ("signed_in", "password_reset_key"):
        SentMail.objects.create(user=full, kind=kind, address_hash=hash_of(FULL), sent_at=now)
    OperatorNote.objects.create(user=full, author=admin, text="#4711 #4712")
    for email in (INVITED, FULL):
        row = invitations.invite(email, by=admin)
        row.digest = hashlib.sha256(email.encode()).hexdigest()
        row.save(update_fields=["digest"])
    api_keys.add(ApiKey(name="#4711", scope="orders:read"), by=admin)
    User.objects.filter(email=LOCKED).update(is_active=False, locked_until=now + timedelta(days=7))
    _act_on_many(admin, full)


def _act_on_many(admin: User, full: User) -> None:
    now = timezone.now()
    for minutes, (state, reason) in enumerate(BULK.items(), start=1):
        run = BulkRun.objects.create(
            act="end-sign-ins",
            asked_by=admin,
            reason=reason,
            chosen_by="q=hanbyeol&is_active__exact=1" if state == "finished" else "",
            total=1234,
            done=1232 if state == "finished" else 611,
            failed=2,
            is_stopped=state == "stopped",
            stopped_by=admin if state == "stopped" else None,
            created_at=now - timedelta(minutes=9 * minutes),
            started_at=now - timedelta(minutes=8 * minutes),
            ended_at=None if state == "under-way" else now - timedelta(minutes=7 * minutes),
        )
        BulkTarget.objects.create(run=run, user=full, state="failed", why="#4712")


if __name__ == "__main__":
    fill()
