"""Act on many users at once: the preview does nothing, each user is done once, a kill loses nothing."""

import html
import re

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


RUNS = "/admin/accounts/bulkrun/"


def test_the_list_has_each_run_with_its_choice_and_progress(browser, users, member):
    first = prepare(browser, users[:2], act="bulk_end_sign_ins")
    start(browser, first)
    work()
    prepare(browser, users[:1], query="?q=Spammer&is_active__exact=1", select_across="1")

    page = browser.get(RUNS).text

    rows = re.findall(r"<tr><th class.*?</tr>", page.replace("\n", ""))
    cells = [re.findall(r'class="field-(\w+)[^>]*>(.*?)</t', row) for row in rows]
    texts = [{name: re.sub("<[^>]*>", "", text) for name, text in row} for row in cells]
    for row in texts:
        assert row.pop("created_at")
    assert texts == [
        {
            "what": "Lock",
            "asked_by": member.email,
            "reason": "-",
            "chosen": "all that match q=Spammer · is_active__exact=1",
            "progress": "0 of 12 done, 0 failed",
            "state": "Not started",
        },
        {
            "what": "End all sign-ins",
            "asked_by": member.email,
            "reason": WHY,
            "chosen": "a selection",
            "progress": "2 of 2 done, 0 failed",
            "state": "Finished",
        },
    ]
    assert first in html.unescape(page)


def test_the_list_pages_and_asks_no_more_for_many_runs(
    browser, users, member, django_assert_num_queries
):
    runs = [BulkRun(act="lock", asked_by=member, total=5, reason=f"run {n}") for n in range(85)]
    BulkRun.objects.bulk_create(runs)
    browser.get(RUNS)

    with django_assert_num_queries(8):
        page = browser.get(RUNS).text
    older = re.search(r'href="(\?p=o[^"]*)"', page)

    assert page.count('class="field-progress"') == 40
    assert browser.get(RUNS + html.unescape(older.group(1))).text.count("field-progress") == 40


def test_a_stopped_run_changes_no_further_user(browser, users, member, monkeypatch):
    monkeypatch.setattr(bulk, "SLICE", timezone.timedelta(0))
    path = prepare(browser, users)
    start(browser, path)
    work()
    answer = browser.post(path, {"stop": "1"}, follow=True)
    for _ in range(3):
        work()

    assert "The act is stopped. What is done stays done." in answer.text
    assert f"Stopped by {member.email}" in answer.text
    assert locked() == 1
    run = BulkRun.objects.get()
    assert (run.state, run.total, run.done, run.failed) == ("Stopped", 12, 1, 0)
    assert not Job.objects.filter(kind="bulk").exists()
    assert "It was over already." in browser.post(path, {"stop": "1"}, follow=True).text


def test_an_act_that_finds_the_run_stopped_is_undone(browser, users, member):
    """The worker has read the run, and chosen the next account, before the operator stops it."""
    start(browser, prepare(browser, users))
    read = BulkRun.objects.get()
    bulk.stop(read, actor=member)
    calls = []

    def lock(run, user, by):
        calls.append(user)
        locks.lock(user, by, until=None)

    assert bulk.go_on(read, lock)
    assert len(calls) == 1
    assert locked() == 0
    assert BulkTarget.objects.filter(state="waiting").count() == 12


@pytest.mark.parametrize("role", [roles.AUDITOR, "staff"])
def test_only_operators_with_the_right_stop_a_run(browser, users, role):
    path = prepare(browser, users)
    start(browser, path)

    assert panel(role).post(path, {"stop": "1"}).status_code == 403
    assert BulkRun.objects.get().ended_at is None


def test_another_operator_with_the_right_stops_a_run(browser, users):
    path = prepare(browser, users)
    start(browser, path)

    panel(roles.SUPPORT).post(path, {"stop": "1"})

    assert BulkRun.objects.get().is_stopped


def test_a_get_stops_nothing_and_a_stop_starts_nothing(browser, users):
    path = prepare(browser, users)
    browser.post(path, {"stop": "1"})
    assert BulkRun.objects.get().state == "Not started"
    start(browser, path)
    browser.get(path, {"stop": "1"})

    assert BulkRun.objects.get().state == "Under way"


def test_staff_who_may_not_see_users_see_no_runs(browser, users):
    path = prepare(browser, users)

    assert panel("staff").get(RUNS).status_code == 403
    assert panel("staff").get(path).status_code == 403
    assert panel(roles.AUDITOR).get(RUNS).status_code == 200


@pytest.mark.parametrize("key", ["nothing", "00000000-0000-0000-0000-000000000000"])
def test_a_run_that_does_not_exist_is_not_found(browser, key):
    assert browser.get(f"{RUNS}{key}/change/").status_code == 404
