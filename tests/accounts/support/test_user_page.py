"""Show all of a user on one page, in a constant number of statements."""

import pytest
from allauth.socialaccount.models import SocialAccount
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.mail.models import SentMail, hash_of
from accounts.operators import locks, roles
from accounts.operators.models import OperatorNote
from accounts.people.models import User
from tests.kit.factories import AuditEventFactory, AuthSessionFactory, UserFactory
from tests.kit.factors import enrol
from tests.kit.operators import act_page, by, operator, page_of, panel

pytestmark = pytest.mark.django_db


@pytest.fixture
def auditor(db):
    return panel(roles.AUDITOR)


def fill(user, count):
    AuthSessionFactory.create_batch(count, user=user, ip="203.0.113.7")
    AuditEventFactory.create_batch(count, user=user, actor=UserFactory(), type="session.revoked")
    OperatorNote.objects.bulk_create(
        OperatorNote(user=user, author=UserFactory(), text=f"note {n}") for n in range(count)
    )
    SentMail.objects.bulk_create(
        SentMail(user=user, kind="signed_in", address_hash=hash_of(user.email))
        for _ in range(count)
    )
    for number in range(count):
        SocialAccount.objects.create(user=user, provider="kakao", uid=f"{user.pk}{number}")


def test_the_page_has_all_parts(auditor, user, deliver):
    enrol(user)
    SocialAccount.objects.create(user=user, provider="kakao", uid="4012345678")
    AuthSessionFactory(user=user, amr=["pwd"], ip="203.0.113.7", user_agent="curl/8.1")
    AuthSessionFactory(user=user, revoked=True)
    AuditEventFactory(user=user, type="login.failed", reason="wrong_password")
    OperatorNote.objects.create(user=user, author=operator("superuser"), text="Called twice")
    locks.lock(user, by(operator("superuser"), reason="Stolen phone"), until=None)
    deliver()

    page = auditor.get(page_of(user)).text

    for words in (
        *("Locked until an operator unlocks it", "verified", "Last sign-in", "Authenticator app"),
        *("4012345678", "curl", "203.0.113.7", "Signed out", "Sign-in failed"),
        *("Wrong password", "Called twice", "Stolen phone", "An administrator acted", "sent"),
    ):
        assert words in page, words


@pytest.mark.parametrize("role", ["superuser", roles.SUPPORT, roles.AUDITOR])
def test_the_statements_do_not_grow_with_the_rows(role):
    browser, small, large = panel(role), UserFactory(), UserFactory()
    fill(small, 1)
    fill(large, 40)
    counts = []
    for user in (small, small, large):
        with CaptureQueriesContext(connection) as sql:
            assert browser.get(page_of(user)).status_code == 200
        counts.append(len(sql))

    assert counts[1] == counts[2]
    assert counts[2] < 45


def test_open_sign_ins_come_first(auditor, user):
    AuthSessionFactory.create_batch(25, user=user, revoked=True, user_agent="ended/1")
    AuthSessionFactory(
        user=user, user_agent="open/1", last_seen_at=timezone.now() - timezone.timedelta(days=9)
    )

    page = auditor.get(page_of(user)).text

    assert page.index("open/1") < page.index("ended/1")


def test_the_links_lead_to_all_events_and_sign_ins_of_this_user(auditor, user):
    AuditEventFactory(user=user, identifier="mine@example.com")
    AuditEventFactory(identifier="others@example.com")

    page = auditor.get("/admin/accounts/auditevent/", {"user__id__exact": str(user.pk)})
    sign_ins = auditor.get("/admin/accounts/authsession/", {"user__id__exact": str(user.pk)})

    assert "mine@example.com" in page.text
    assert "others@example.com" not in page.text
    assert sign_ins.status_code == 200


def test_each_operator_sees_only_the_own_acts(user):
    AuthSessionFactory(user=user)
    shown = {role: panel(role).get(page_of(user)).text for role in (*roles.ROLES, "superuser")}

    assert act_page(user, "lock") in shown[roles.SUPPORT]
    assert act_page(user, "end-sign-in") in shown[roles.SUPPORT]
    assert act_page(user, "delete-account") not in shown[roles.SUPPORT]
    assert act_page(user, "delete-account") in shown[roles.ADMINISTRATOR]
    assert "/act/" not in shown[roles.AUDITOR]


def test_an_operator_is_offered_no_act_on_more_rights(user):
    boss = operator("superuser")
    AuthSessionFactory(user=boss)

    assert "/act/" not in panel(roles.SUPPORT).get(page_of(boss)).text


@pytest.mark.parametrize("payload", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'])
def test_words_of_others_are_shown_as_text(auditor, user, payload):
    AuthSessionFactory(user=user, user_agent=payload)
    AuditEventFactory(user=user, note=payload, actor=UserFactory(), reason=payload[:32])
    SentMail.objects.create(user=user, kind=payload, address_hash="x")
    SocialAccount.objects.create(user=user, provider=payload[:20], uid=payload)
    OperatorNote.objects.create(user=user, text=payload)

    page = auditor.get(page_of(user)).text

    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_the_page_is_korean_for_a_korean_browser(auditor, user):
    page = auditor.get(page_of(user), headers={"accept-language": "ko"}).text

    assert "운영자 메모" in page
    assert "Notes of operators" not in page


def test_a_mail_is_sent_or_waits_or_failed(auditor, user, deliver):
    locks.lock(user, by(operator("superuser")), until=None)
    waiting = auditor.get(page_of(user)).text
    deliver()
    sent = SentMail.objects.get()

    assert "waits</span>" in waiting
    assert sent.sent_at is not None
    assert sent.kind == "operator_acted"
    assert user.email not in f"{sent.address_hash}{sent.kind}"


def test_events_of_a_deleted_operator_still_show(auditor, user):
    gone = UserFactory()
    AuditEventFactory(user=user, actor=gone, note="Before leaving")
    User.objects.get(pk=gone.pk).delete()

    assert "Before leaving" in auditor.get(page_of(user)).text
    assert AuditEvent.objects.filter(note="Before leaving").exists()


def test_the_history_of_a_form_leads_to_what_happened(user):
    """Django says "was not added via this admin site" about an account on which operators acted."""
    browser = panel("superuser")

    page = browser.get(page_of(user).replace("/change/", "/history/")).text

    assert "via this admin site" not in page
    assert "Nobody has changed this by a form of the panel." in page
    assert f'href="/admin/accounts/auditevent/?user__id__exact={user.pk}"' in page


def test_the_history_of_a_changed_account_lists_the_forms_and_leads_on(user):
    browser = panel("superuser")
    browser.post(page_of(user), {"display_name": "Mia", "locale": "ko"})

    page = browser.get(page_of(user).replace("/change/", "/history/")).text

    assert "Changed" in page
    assert "The audit log has what operators and owners did." in page
