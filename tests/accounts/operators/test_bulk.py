"""Act on many users at once: the preview does nothing, each user is done once, a kill loses nothing."""

import pytest
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.operators import bulk, locks, roles
from accounts.operators.models import BulkRun, BulkTarget
from accounts.outbox import jobs
from accounts.outbox.models import Job
from accounts.people.models import User
from accounts.signins.models import AuthSession
from accounts.support.keyset import KeysetList
from tests.kit.factories import AuthSessionFactory, UserFactory
from tests.kit.operators import WHY, operator, panel, panel_of

pytestmark = pytest.mark.django_db
LIST = "/admin/accounts/user/"


@pytest.fixture
def member(db):
    return operator(roles.SUPPORT)


@pytest.fixture
def browser(member):
    return panel_of(member)


@pytest.fixture
def users(db):
    return UserFactory.create_batch(12, display_name="Spammer")


def prepare(browser, users=(), act="bulk_lock", query="", **more):
    form = {"action": act, "_selected_action": [user.pk for user in users]} | more
    answer = browser.post(f"{LIST}{query}", form)
    return answer["Location"]


def start(browser, path, **values):
    return browser.post(path, {"seen": "-", "reason": WHY, "until": "0"} | values)


def work():
    for job in Job.objects.filter(kind="bulk"):
        jobs.run(job.pk)


def locked():
    return User.objects.filter(is_active=False).count()


def test_the_preview_shows_names_and_does_nothing(browser, users):
    page = browser.get(prepare(browser, users)).text

    assert "12 users" in page
    assert sum(user.email in page for user in users) == 10
    assert locked() == 0
    assert not Job.objects.filter(kind="bulk").exists()


@pytest.mark.slow
def test_a_run_acts_on_each_user_with_its_reason(browser, users, member):
    path = prepare(browser, users)
    start(browser, path)
    before = locked()
    work()

    assert before == 0
    assert locked() == 12
    events = AuditEvent.objects.filter(type="account.locked")
    assert {(event.actor, event.note) for event in events} == {(member, WHY)}
    assert "12 of 12 done, 0 failed" in browser.get(path).text


def test_all_that_match_the_filter_are_chosen(browser, users):
    UserFactory(display_name="Honest")
    path = prepare(browser, users[:1], query="?q=Spammer", select_across="1")
    start(browser, path)
    work()

    assert BulkTarget.objects.count() == 12
    assert locked() == 12


@pytest.mark.parametrize("pages", [1, 2])
def test_the_list_offers_all_that_match_if_there_are_more_pages(browser, users, pages, monkeypatch):
    monkeypatch.setattr(KeysetList, "list_per_page", 12 // pages)

    text = browser.get("/admin/accounts/user/?q=Spammer").text

    assert text.count("Select all users that match, on all pages") == pages - 1


def test_users_with_more_rights_and_oneself_are_left_out(browser, users, member):
    higher = [operator("superuser"), operator(roles.ADMINISTRATOR)]
    start(browser, prepare(browser, [*users[:1], *higher, member]))
    work()

    assert [target.user for target in BulkTarget.objects.all()] == users[:1]
    assert set(User.objects.filter(is_active=False)) == {users[0]}


@pytest.mark.parametrize("reason", ["", "\u200b", "x" * 201])
def test_a_run_without_a_reason_does_not_start(browser, users, reason):
    start(browser, prepare(browser, users), reason=reason)

    assert BulkRun.objects.get().started_at is None
    assert not Job.objects.filter(kind="bulk").exists()


def test_a_run_starts_once(browser, users):
    path = prepare(browser, users)
    start(browser, path)
    start(browser, path, until="3600")

    assert Job.objects.filter(kind="bulk").count() == 1
    assert BulkRun.objects.get().values == {"until": "0"}


@pytest.mark.parametrize("role", ["superuser", roles.SUPPORT, roles.AUDITOR, "staff"])
def test_only_its_operator_starts_a_run(browser, users, role):
    answer = start(panel(role), prepare(browser, users))

    assert answer.status_code == 403
    assert BulkRun.objects.get().started_at is None


@pytest.mark.parametrize("act", ["bulk_lock", "bulk_end_sign_ins", "bulk_send_reset"])
@pytest.mark.parametrize("role", [roles.AUDITOR, "staff"])
def test_a_role_without_the_right_prepares_nothing(users, role, act):
    form = {"action": act, "_selected_action": [users[0].pk]}
    panel(role).post(LIST, form)

    assert not BulkRun.objects.exists()


def test_a_killed_worker_loses_and_repeats_nothing(browser, users, monkeypatch):
    start(browser, prepare(browser, users))
    real, calls = locks.lock, []

    def killed(user, by, **values):
        calls.append(user)
        real(user, by, **values)
        if len(calls) == 5:
            raise SystemExit

    monkeypatch.setattr(locks, "lock", killed)
    with pytest.raises(SystemExit):
        work()
    between = locked()
    Job.objects.update(not_before=timezone.now())
    work()

    assert between == 4
    assert locked() == 12
    assert AuditEvent.objects.filter(type="account.locked").count() == 12
    assert BulkRun.objects.get().ended_at is not None


def test_a_long_run_gives_its_lane_to_others(browser, users, monkeypatch):
    monkeypatch.setattr(bulk, "SLICE", timezone.timedelta(0))
    start(browser, prepare(browser, users))
    work()
    after_one = locked()
    for _ in range(12):
        work()

    assert after_one == 1
    assert locked() == 12
    assert not Job.objects.filter(kind="bulk").exists()


@pytest.mark.parametrize("change", ["dismissed", "disabled", "deleted"])
def test_a_former_operator_does_nothing_more(browser, users, member, change):
    start(browser, prepare(browser, users))
    if change == "dismissed":
        member.groups.clear()
    elif change == "disabled":
        User.objects.filter(pk=member.pk).update(is_active=False)
    else:
        User.objects.get(pk=member.pk).delete()
    work()

    assert not User.objects.filter(pk__in=[user.pk for user in users], is_active=False).exists()
    assert BulkTarget.objects.filter(state="failed").count() == 12


def test_a_user_who_got_rights_meanwhile_is_spared(browser, users):
    path = prepare(browser, users)
    User.objects.filter(pk=users[0].pk).update(is_superuser=True)
    start(browser, path)
    work()

    assert User.objects.get(pk=users[0].pk).is_active
    assert "11 of 12 done, 1 failed" in browser.get(path).text


def test_all_sign_ins_of_many_end(browser, users):
    for user in users:
        AuthSessionFactory(user=user)
    start(browser, prepare(browser, users, act="bulk_end_sign_ins"))
    work()

    assert not AuthSession.objects.active().filter(user__in=users).exists()


@pytest.mark.slow
def test_many_get_a_reset_link(browser, users, deliver):
    start(browser, prepare(browser, users[:3], act="bulk_send_reset"))
    work()

    sent = deliver()
    assert {mail.to[0] for mail in sent} == {user.email for user in users[:3]}
    assert all("/reset/key/" in mail.body for mail in sent)
    events = AuditEvent.objects.filter(type="password.reset_requested")
    assert {event.note for event in events} == {WHY}


def test_too_many_are_refused(browser, users, monkeypatch):
    monkeypatch.setattr(bulk, "MOST", 5)
    form = {"action": "bulk_lock", "_selected_action": [user.pk for user in users]}
    answer = browser.post(LIST, form, follow=True)

    assert "more than 5 users" in answer.text
    assert not BulkRun.objects.exists()
