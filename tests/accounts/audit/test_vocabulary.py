"""Every event and every reason of the audit log has a label in both languages."""

from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.utils import translation
from django.utils.html import escape

from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import (
    METHODS,
    REASONS,
    Alert,
    Deletion,
    Denied,
    EventType,
    FactorKind,
    LoginFailure,
    ProofFailure,
    ResetStop,
    RevokeReason,
    Right,
    Tone,
    Unlock,
    WebhookStop,
    method_label,
)
from accounts.signins.models import AuthSession
from accounts.support.keyset import KeysetList
from tests.kit.factories import AuditEventFactory, AuthSessionFactory

ICONS = Path(__file__).parents[3] / "templates" / "icons"
GROUPS = [
    (EventType.SESSION_REVOKED, RevokeReason),
    (EventType.LOGIN_FAILED, LoginFailure),
    (EventType.SOCIAL_ALERTED, Alert),
    (EventType.RIGHTS_CHANGED, Right),
    (EventType.SESSION_PROOF_REFUSED, ProofFailure),
    (EventType.USER_DELETED, Deletion),
    (EventType.FACTOR_ADDED, FactorKind),
    (EventType.ACTIVITY_DENIED, Denied),
    (EventType.FACTOR_RESET_STOPPED, ResetStop),
    (EventType.ACCOUNT_UNLOCKED, Unlock),
    (EventType.WEBHOOK_STOPPED, WebhookStop),
]
EVENTS = [(type_, "") for type_ in EventType] + [
    (type_, reason) for type_, group in GROUPS for reason in group
]
ENTRIES = [*EventType, *REASONS.values(), *METHODS.values()]


@pytest.mark.parametrize("entry", ENTRIES, ids=str)
def test_an_entry_has_a_label_in_both_languages(entry):
    with translation.override("en"):
        english = str(entry.label)
    with translation.override("ko"):
        korean = str(entry.label)

    assert english
    assert korean != english
    assert len(entry.value) <= 32  # the column's width


def test_no_two_reasons_have_one_value():
    assert len(REASONS) == sum(len(group) for _, group in GROUPS)


@pytest.mark.parametrize("type_", EventType)
def test_an_event_has_an_icon_and_a_tone(type_):
    assert (ICONS / f"{type_.icon}.html").exists()
    assert type_.tone in Tone
    assert len(type_.value.split(".")) == 2


@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_event_and_reason_is_on_the_activity_page(signed_in, user, language):
    for type_, reason in EVENTS:
        AuditEventFactory(user=user, type=type_, reason=reason)

    pages, query = [], "?"
    while query:
        page = signed_in.get(f"/accounts/activity/{query}", headers={"accept-language": language})
        pages.append(page)
        older = page.context["cut"].older
        query = older and f"?{urlencode({'after': older})}"

    text = "".join(page.text for page in pages)
    with translation.override(language):
        for type_, reason in EVENTS:
            why = f' <span class="event-why">{escape(reason.label)}</span>' if reason else ""
            assert f'<span class="event-what">{type_.label}{why}</span>' in text
            assert f'<li class="event {type_.tone}">' in text
            assert (ICONS / f"{type_.icon}.html").read_text().strip() in text


@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_event_and_reason_is_in_the_admin(admin_client, language, monkeypatch):
    for type_, reason in EVENTS:
        AuditEventFactory(type=type_, reason=reason)

    monkeypatch.setattr(KeysetList, "list_per_page", 500)
    text = admin_client.get(
        "/admin/accounts/auditevent/?all=", headers={"accept-language": language}
    ).text

    with translation.override(language):
        for type_, reason in EVENTS:
            assert f'<td class="field-type">{type_.label}</td>' in text
            assert f'type__exact={type_}">{type_.label}</a>' in text
            if reason:
                assert f'<td class="field-why">{escape(reason.label)}</td>' in text


def test_the_admin_says_why_a_sign_in_ended(admin_client):
    for reason in RevokeReason:
        AuthSessionFactory(revoked=True, revoked_reason=reason)

    text = admin_client.get("/admin/accounts/authsession/").text

    for reason in RevokeReason:
        assert text.count(f'<td class="field-state">{reason.label}</td>') == 1, reason
        assert f'href="?revoked_reason__exact={reason}"' in text


def test_a_reason_that_names_a_provider_shows_its_name(db):
    event = AuditEventFactory(type=EventType.SOCIAL_CONNECTED, reason="kakao")

    with translation.override("ko"):
        assert event.reason_label == "카카오"
    with translation.override("en"):
        assert event.reason_label == method_label("kakao") == "Kakao"


def test_an_event_of_another_release_is_shown_unchanged(signed_in, user):
    AuditEvent.objects.create(user=user, type="moon.landed", reason="gravity")

    text = signed_in.get("/accounts/activity/").text

    assert "moon.landed" in text
    assert "Gravity" in text


def test_a_device_says_how_its_user_signed_in(db):
    session = AuthSessionFactory(amr=["pwd", "otp", "kakao"])

    with translation.override("en"):
        assert session.methods == ["Password", "One-time code", "Kakao"]


@pytest.mark.parametrize(
    ("model", "name", "group"),
    [(AuditEvent, "type", EventType), (AuthSession, "revoked_reason", RevokeReason)],
)
def test_migrations_refer_to_the_vocabulary_without_its_values(model, name, group):
    field = model._meta.get_field(name)

    assert field.deconstruct()[3]["choices"] == group.choices
    assert [value for value, _ in field.choices] == list(group)
