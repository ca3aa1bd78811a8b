"""Act on an account from its page: each act needs its right, a reason, a fresh proof and a POST."""

import json

import pytest
from allauth.account.models import EmailAddress
from allauth.core.ratelimit import consume
from django.contrib.auth.models import Group, Permission
from django.test import Client

from accounts.audit.models import AuditEvent
from accounts.errors import TooManyRequestsError
from accounts.factors import guesses as factor_guesses
from accounts.mail import sending
from accounts.operators import roles
from accounts.operators.acting import state_of
from accounts.operators.models import EmailProposal, OperatorNote
from accounts.people.models import User
from accounts.signins import guesses
from accounts.signins.models import AuthSession
from accounts.support.actions.registry import ACTIONS
from tests.kit.factories import AuthSessionFactory, UserFactory
from tests.kit.operators import WHY, act, act_page, operator, page_of, panel, panel_of
from tests.kit.proofs import confirm_by_password, let_proofs_age, send_again

pytestmark = pytest.mark.django_db

BY_ROLE = {
    "superuser": set(ACTIONS),
    roles.ADMINISTRATOR: set(ACTIONS) - {"propose-superuser", "confirm-superuser"},
    roles.SUPPORT: set(ACTIONS)
    - {
        "change-profile",
        "delete-account",
        "propose-superuser",
        "confirm-superuser",
        "stop-superuser",
    },
    roles.AUDITOR: set(),
    "staff": set(),
}


@pytest.fixture
def support(db):
    return panel(roles.SUPPORT)


@pytest.fixture
def owner(user):
    """Return a user who is signed in on two devices."""
    AuthSessionFactory.create_batch(2, user=user)
    return user


def events(user, kind):
    return AuditEvent.objects.filter(user=user, type=kind)


def is_unchanged(user, before):
    return (
        state_of(User.objects.get(pk=user.pk)) == before
        and AuthSession.objects.active().filter(user=user).count() == 2
        and not EmailProposal.objects.filter(user=user).exists()
        and not OperatorNote.objects.filter(user=user).exists()
    )


# Who may act


@pytest.mark.parametrize("role", BY_ROLE)
@pytest.mark.parametrize("name", ACTIONS)
def test_each_role_opens_the_pages_of_its_acts_only(role, name, owner, settings):
    settings.SUPERUSER_NEEDS_TWO = True
    status = panel(role).get(act_page(owner, name)).status_code

    assert status == (200 if name in BY_ROLE[role] else 403)


@pytest.mark.parametrize("name", ACTIONS)
@pytest.mark.parametrize("role", [roles.AUDITOR, "staff"])
def test_a_role_without_the_right_does_nothing(role, name, owner):
    before = state_of(owner)
    answer = act(panel(role), owner, name, text="x", email="other@example.com")

    assert answer.status_code == 403
    assert is_unchanged(owner, before)


@pytest.mark.parametrize("name", ACTIONS)
@pytest.mark.parametrize("higher", ["superuser", roles.ADMINISTRATOR, "locked administrator"])
def test_support_acts_on_nobody_with_more_rights(name, higher, support):
    target = operator(higher if higher != "locked administrator" else roles.ADMINISTRATOR)
    if higher == "locked administrator":
        User.objects.filter(pk=target.pk).update(is_active=False)
        target.refresh_from_db()
    AuthSessionFactory.create_batch(2, user=target)
    before = state_of(target)

    answers = [
        support.get(act_page(target, name)),
        act(support, target, name, text="x", email="other@example.com"),
    ]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert is_unchanged(target, before)


@pytest.mark.parametrize("name", [name for name in ACTIONS if not ACTIONS[name].also_on_self])
def test_no_operator_locks_or_changes_the_own_account(name):
    me = operator("superuser")
    answer = act(panel_of(me), me, name, email="other@example.com")

    me.refresh_from_db()
    assert answer.status_code == 403
    assert (me.is_active, me.erase_at) == (True, None)


@pytest.mark.parametrize("name", ACTIONS)
def test_a_visitor_reaches_no_act(name, signed_in, owner):
    before = state_of(owner)

    assert signed_in.get(act_page(owner, name), follow=True).status_code == 403
    assert act(signed_in, owner, name).status_code == 403
    assert state_of(User.objects.get(pk=owner.pk)) == before


# Requests that do nothing


@pytest.mark.parametrize("name", ACTIONS)
def test_a_get_changes_nothing(name, owner):
    before = state_of(owner)
    panel("superuser").get(act_page(owner, name), {"reason": WHY, "seen": before, "until": "0"})

    assert is_unchanged(owner, before)


@pytest.mark.parametrize("name", ACTIONS)
def test_a_form_of_another_site_does_nothing(name, owner):
    me = operator("superuser")
    browser = panel_of(me)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = browser.cookies
    before = state_of(owner)

    assert act(strict, owner, name).status_code == 403
    assert is_unchanged(owner, before)


@pytest.mark.parametrize("name", [name for name in ACTIONS if name != "add-note"])
@pytest.mark.parametrize("reason", ["", "  ", "\u200b", "x" * 201])
def test_an_act_without_a_reason_does_nothing(name, reason, owner, settings):
    settings.SUPERUSER_NEEDS_TWO = True
    before = state_of(owner)
    form = {"reason": reason, "email": "other@example.com"}
    if name == "confirm-superuser":
        return
    answer = act(panel("superuser"), owner, name, **form)

    assert answer.status_code == 200
    assert "errorlist" in answer.text
    assert is_unchanged(owner, before)


@pytest.mark.parametrize("path", ["nobody", "unknown act", "no id"])
def test_a_forged_address_is_not_found(path, support, owner):
    address = {
        "nobody": f"/admin/accounts/user/{AuthSessionFactory().pk}/act/lock/",
        "unknown act": act_page(owner, "promote"),
        "no id": "/admin/accounts/user/1/act/lock/",
    }[path]

    assert support.post(address, {"reason": WHY}).status_code in (404, 302)
    assert User.objects.get(pk=owner.pk).is_active


def test_a_sign_in_of_another_user_is_not_ended(support, owner):
    strangers = AuthSessionFactory(user=operator("superuser"))
    answer = act(support, owner, "end-sign-in", sid=str(strangers.pk))

    strangers.refresh_from_db()
    assert strangers.revoked_at is None
    assert "has ended already" in answer.text


def test_an_act_needs_a_fresh_proof_and_then_goes_on(owner):
    browser = panel(roles.SUPPORT)
    let_proofs_age()
    form = {"reason": WHY, "seen": state_of(owner), "until": "3600"}
    asked = browser.post(act_page(owner, "lock"), form)
    was_locked = not User.objects.get(pk=owner.pk).is_active
    send_again(browser, confirm_by_password(browser, asked))

    assert not was_locked
    assert not User.objects.get(pk=owner.pk).is_active


def test_the_same_form_twice_acts_once(support, owner):
    form = {"reason": WHY, "seen": state_of(owner), "until": "3600"}
    support.post(act_page(owner, "lock"), form)
    again = support.post(act_page(owner, "lock"), form | {"until": "0"}, follow=True)

    assert "was changed meanwhile" in again.text
    assert events(owner, "account.locked").count() == 1
    assert User.objects.get(pk=owner.pk).locked_until is not None


def test_a_replayed_unlock_does_not_undo_another_operators_lock(support, owner):
    act(support, owner, "lock")
    owner.refresh_from_db()
    unlock = {"reason": WHY, "seen": state_of(owner)}
    support.post(act_page(owner, "unlock"), unlock)
    act(panel(roles.SUPPORT), User.objects.get(pk=owner.pk), "lock", until="0")
    replayed = support.post(act_page(owner, "unlock"), unlock, follow=True)

    assert "was changed meanwhile" in replayed.text
    assert not User.objects.get(pk=owner.pk).is_active


# What each act does


def test_all_sign_ins_end_with_reason_actor_and_mail(support, owner, deliver):
    answer = act(support, owner, "end-sign-ins")

    assert "2 sign-ins were ended." in answer.text
    assert not AuthSession.objects.active().filter(user=owner).exists()
    found = events(owner, "session.revoked")
    assert {(event.note, event.reason, event.actor.is_staff) for event in found} == {
        (WHY, "admin", True)
    }
    (sent,) = deliver()
    assert sent.to == [owner.email]
    assert "signed out all your devices" in sent.body
    assert WHY not in sent.body


def test_one_sign_in_ends_and_the_other_stays(support, owner, deliver):
    first, second = AuthSession.objects.filter(user=owner)
    act(support, owner, "end-sign-in", sid=str(first.pk))

    assert list(AuthSession.objects.active().filter(user=owner)) == [second]
    assert events(owner, "session.revoked").get().note == WHY
    assert "one of your devices" in deliver()[0].body


def test_lifted_limits_let_the_owner_try_again(
    support, owner, settings, django_capture_on_commit_callbacks
):
    settings.LIMITS = settings.LIMITS | {"sign_in_account": (2, 300)}
    with pytest.raises(TooManyRequestsError):
        for _ in range(3):
            guesses.count(owner.email, network="203.0.113.1")

    with django_capture_on_commit_callbacks(execute=True):
        act(support, owner, "lift-limits")

    guesses.count(owner.email, network="203.0.113.2")
    event = events(owner, "limits.lifted").get()
    assert (event.note, event.actor.is_staff) == (WHY, True)


def test_lifted_limits_count_nothing_about_the_account_any_more(
    support, owner, settings, rf, django_capture_on_commit_callbacks
):
    """Known devices, networks, mails, second factors, and the limits that allauth counts."""
    settings.LIMITS = settings.LIMITS | {"sign_in_network": (6, 300)}
    phone = {"network": "203.0.113.1", "device": "phone"}
    request = rf.post("/")
    request.user, request.session = owner, {}
    for _ in range(3):
        guesses.count(owner.email, network="203.0.113.1")
        guesses.count("other@example.com", network="203.0.113.1")
    with pytest.raises(TooManyRequestsError):
        guesses.count("new@example.com", network="203.0.113.1")
    limited = {
        "device": lambda: guesses.count(owner.email, **phone),
        "factor": lambda: factor_guesses.count(owner.pk, device="phone"),
        "mail": lambda: sending.may_send(owner.email, network="203.0.113.1") or _refuse(),
        "password": lambda: consume(request, action="change_password") or _refuse(),
        "code": lambda: consume(request, action="request_login_code", key=owner.email) or _refuse(),
    }
    for attempt in limited.values():
        with pytest.raises(TooManyRequestsError):
            for _ in range(30):
                attempt()

    with django_capture_on_commit_callbacks(execute=True):
        act(support, owner, "lift-limits")

    for attempt in limited.values():
        attempt()
    # The network has its share of the other account still.
    for _ in range(2):
        guesses.count(owner.email, network="203.0.113.1")
    guesses.count("new@example.com", network="203.0.113.1")
    with pytest.raises(TooManyRequestsError):
        guesses.count("new@example.com", network="203.0.113.1")


def _refuse():
    raise TooManyRequestsError(1)


def test_a_reset_link_is_mailed_with_the_reason_on_record(support, owner, deliver):
    answer = act(support, owner, "send-reset")

    assert "on its way" in answer.text
    assert "/reset/key/" in deliver()[0].body
    event = events(owner, "password.reset_requested").get()
    assert (event.note, event.actor.is_staff) == (WHY, True)


@pytest.mark.slow
def test_an_operator_floods_no_mailbox(support, owner, deliver):
    answers = [act(support, owner, "send-reset") for _ in range(21)]

    assert "got its share of today" in answers[-1].text
    assert len(deliver()) <= 20


def test_the_data_come_as_a_file_and_the_owner_learns_of_it(support, owner, deliver):
    answer = act(support, owner, "export")

    data = json.loads(b"".join(answer.streaming_content))
    assert data["profile"]["email"] == owner.email
    assert "password" not in data["profile"]
    assert events(owner, "data.exported").get().note == WHY
    assert "downloaded a copy" in deliver()[0].body


def test_a_deletion_waits_and_a_sign_in_keeps_the_account(owner, deliver):
    act(panel(roles.ADMINISTRATOR), owner, "delete-account")

    owner.refresh_from_db()
    assert owner.erase_at is not None
    assert not AuthSession.objects.active().filter(user=owner).exists()
    event = events(owner, "deletion.requested").get()
    assert (event.note, event.actor.is_staff) == (WHY, True)
    assert "will be deleted on" in deliver()[0].body


def test_a_locked_account_can_be_deleted(owner):
    browser = panel(roles.ADMINISTRATOR)
    act(browser, owner, "lock", until="0")
    owner.refresh_from_db()
    act(browser, owner, "delete-account")

    owner.refresh_from_db()
    assert owner.erase_at is not None


def test_nobody_deletes_an_account_at_once(owner):
    browser = panel("superuser")
    one = browser.post(f"/admin/accounts/user/{owner.pk}/delete/", {"post": "yes"})
    browser.post(
        "/admin/accounts/user/",
        {"action": "delete_selected", "_selected_action": [owner.pk], "post": "yes"},
    )

    assert one.status_code == 403
    assert User.objects.filter(pk=owner.pk).exists()


@pytest.mark.parametrize("text", ["\u200b", "\u3164\n\u200d", "turned \u202e around"])
def test_a_note_that_nobody_can_see_is_not_kept(support, owner, text):
    answer = act(support, owner, "add-note", text=text)

    assert "Use text that people can see" in answer.text
    assert not OperatorNote.objects.exists()


def test_a_note_may_have_several_lines(support, owner):
    act(support, owner, "add-note", text="Called at nine.\r\n\tLost the phone.")

    assert OperatorNote.objects.get().text == "Called at nine.\r\n\tLost the phone."


def test_a_note_stays_and_shows_its_author(support, owner):
    act(support, owner, "add-note", text="Lost the phone <b>")
    page = support.get(page_of(owner)).text

    note = OperatorNote.objects.get()
    assert "Lost the phone &lt;b&gt;" in page
    assert note.author.email in page


# Nobody becomes more


def grant(browser, user, **values):
    form = {"display_name": "", "locale": "", "reason": WHY} | values
    return browser.post(page_of(user), form)


def rights(user):
    user = User.objects.get(pk=user.pk)
    names = set(user.groups.values_list("name", flat=True))
    return user.is_staff, user.is_superuser, names, user.user_permissions.count()


@pytest.mark.parametrize("role", [*roles.ROLES, "staff", "superuser"])
def test_nobody_gives_a_right_to_oneself(role):
    me = operator(role)
    before = rights(me)
    everything = {
        "is_staff": "on",
        "is_superuser": "on",
        "groups": list(Group.objects.values_list("pk", flat=True)),
        "user_permissions": list(Permission.objects.values_list("pk", flat=True)),
    }

    grant(panel_of(me), me, **everything)

    assert rights(me) == before


@pytest.mark.parametrize("role", [roles.SUPPORT, roles.AUDITOR, "staff"])
def test_roles_without_the_right_give_none(role, user):
    grant(panel(role), user, is_staff="on", groups=[Group.objects.first().pk])

    assert rights(user) == (False, False, set(), 0)


def test_an_administrator_gives_roles_but_no_superuser(user):
    group = Group.objects.get(name=roles.SUPPORT)
    grant(panel(roles.ADMINISTRATOR), user, is_staff="on", is_superuser="on", groups=[group.pk])

    assert rights(user) == (True, False, {roles.SUPPORT}, 0)
    notes = set(events(user, "rights.changed").values_list("reason", "note"))
    assert notes == {("staff_granted", WHY), ("groups_changed", WHY)}


def test_an_administrator_gives_no_group_with_more_rights(user):
    more = Group.objects.create(name="Powerful")
    more.permissions.add(Permission.objects.get(codename="change_group"))
    grant(panel(roles.ADMINISTRATOR), user, is_staff="on", groups=[more.pk])

    assert rights(user) == (False, False, set(), 0)


def test_rights_without_a_reason_do_not_change(user):
    answer = grant(panel(roles.ADMINISTRATOR), user, is_staff="on", reason="")

    assert "Write why the rights change" in answer.text
    assert rights(user) == (False, False, set(), 0)


@pytest.mark.parametrize("role", [*roles.ROLES, "staff"])
def test_only_superusers_change_groups(role):
    member = operator(role)
    member.user_permissions.set(Permission.objects.filter(content_type__app_label="auth"))
    browser = panel_of(member)
    own = Group.objects.create(name="Own")
    member.groups.add(own)
    every = list(Permission.objects.values_list("pk", flat=True)[:20])

    changed = browser.post(
        f"/admin/auth/group/{own.pk}/change/", {"name": "Own", "permissions": every}
    )
    made = browser.post("/admin/auth/group/add/", {"name": "More", "permissions": every})

    assert (changed.status_code, made.status_code) == (403, 403)
    assert not own.permissions.exists()


@pytest.mark.parametrize("name", roles.ROLES)
def test_no_page_changes_or_deletes_a_role(name):
    browser, role = panel("superuser"), Group.objects.get(name=name)
    before = set(role.permissions.values_list("codename", flat=True))
    path = f"/admin/auth/group/{role.pk}"
    browser.post(f"{path}/change/", {"name": name, "permissions": []})
    browser.post(f"{path}/delete/", {"post": "yes"})
    many = {"action": "delete_selected", "_selected_action": [role.pk], "post": "yes"}
    browser.post("/admin/auth/group/", many)

    assert set(role.permissions.values_list("codename", flat=True)) == before
    assert Group.objects.filter(name=name).exists()


@pytest.mark.parametrize("role", [*roles.ROLES, "superuser"])
def test_no_role_sets_a_password_or_an_email(role, user):
    browser = panel(role)
    hashed = user.password
    form = {"password1": "taken over now", "password2": "taken over now", "password": "x"}
    browser.post(f"/admin/accounts/user/{user.pk}/password/", form)
    grant(browser, user, **form, email="taken@example.com", is_active="")

    user.refresh_from_db()
    assert user.password == hashed
    assert user.is_active
    assert not EmailAddress.objects.filter(email="taken@example.com").exists()
    assert user.email != "taken@example.com"


def test_a_new_user_gets_a_link_and_no_rights(deliver):
    form = {"email": "new@example.com", "is_staff": "on", "is_superuser": "on"}
    panel(roles.ADMINISTRATOR).post("/admin/accounts/user/add/", form)

    assert rights(User.objects.get(email="new@example.com")) == (False, False, set(), 0)
    assert "/reset/key/" in deliver()[0].body


@pytest.mark.parametrize("role", [roles.SUPPORT, roles.AUDITOR])
def test_a_role_that_may_not_change_saves_nothing(role, user):
    answer = grant(panel(role), user, display_name="After")

    user.refresh_from_db()
    assert answer.status_code == 403
    assert user.display_name == ""


def test_withdrawn_rights_count_at_once(owner):
    member = operator(roles.SUPPORT)
    browser = panel_of(member)
    member.groups.clear()

    assert act(browser, owner, "lock").status_code == 403
    assert UserFactory._meta.model.objects.get(pk=owner.pk).is_active
