"""Read what the page of a user shows: status, factors, connections, sign-ins, events, mails, notes."""

from typing import Any

from allauth.mfa.models import Authenticator
from django.db.models import Case, Value, When
from django.template.exceptions import TemplateDoesNotExist
from django.template.loader import select_template
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import reason_label
from accounts.factors import resets
from accounts.mail.models import SentMail, hash_of
from accounts.operators import proposals, superusers
from accounts.operators.acting import state_of
from accounts.pages import profile_forms
from accounts.people.models import User
from accounts.support.actions.data import NoteForm
from accounts.support.actions.registry import ACTIONS

SIGN_INS = 20
EVENTS = 20
MAILS = 20
NOTES = 50
FOLDERS = ("accounts/email", "account/email", "socialaccount/email")


def facts_of(user: User, *, actor: User) -> dict[str, Any]:
    """Return the context of the page. The number of statements doesn't depend on the number of rows."""
    addresses = list(user.emailaddress_set.order_by("-primary", "pk"))
    return {
        "addresses": addresses,
        "is_verified": any(row.verified and row.email == user.email for row in addresses),
        "factors": [
            {"row": row, "label": reason_label(row.type)}
            for row in Authenticator.objects.filter(user=user).order_by("pk")
        ],
        "connections": list(user.socialaccount_set.order_by("pk")),
        "sign_ins": _sign_ins_of(user),
        "events": _events_of(user),
        "mails": _mails_of(user, [row.email for row in addresses]),
        "extras": profile_forms.shown(user),
        "notes": list(user.operator_notes.select_related("author")[:NOTES]),
        "reset": resets.pending_of(user),
        "proposal": proposals.open_of(user),
        "superuser_proposal": superusers.open_of(user),
        **_acts_on(user, actor),
    }


def _acts_on(user: User, actor: User) -> dict[str, Any]:
    """Return the acts that this operator may do now, and the form of a note."""
    allowed = {action.name for action in ACTIONS.values() if action.may(actor, user)}
    shown = [
        action
        for action in ACTIONS.values()
        if action.has_button and action.name in allowed and action.is_useful(user)
    ]
    may_note = "add-note" in allowed
    return {
        "acts": shown,
        "may_end": "end-sign-in" in allowed,
        "note_form": NoteForm(initial={"seen": state_of(user)}) if may_note else None,
    }


def _sign_ins_of(user: User) -> list[Any]:
    """Return the newest sign-ins, the open ones first."""
    is_open = Case(
        When(revoked_at=None, expires_at__gt=timezone.now(), then=Value(1)), default=Value(0)
    )
    rows = user.auth_sessions.annotate(is_open=is_open).order_by("-is_open", "-last_seen_at", "-id")
    return list(rows[:SIGN_INS])


def _events_of(user: User) -> list[AuditEvent]:
    events = AuditEvent.objects.filter(user=user).select_related("actor", "user")
    return list(events[:EVENTS])


def _mails_of(user: User, emails: list[str]) -> list[dict[str, Any]]:
    known = {hash_of(email): email for email in [*emails, user.email]}
    rows = SentMail.objects.filter(user=user).order_by("-created_at")[:MAILS]
    return [
        {"row": row, "subject": _subject_of(row.kind), "address": known.get(row.address_hash)}
        for row in rows
    ]


def _subject_of(kind: str) -> str:
    """Return the subject of this kind of mail, in the reader's language. For an unknown kind, the kind."""
    try:
        found = select_template([f"{folder}/{kind}_subject.txt" for folder in FOLDERS])
    except TemplateDoesNotExist:  # of another release
        return kind
    return str(found.render({})).strip()
