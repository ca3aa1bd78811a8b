"""Reset the second factors of a person who lost them: the delay, the stop, one winner."""

import re
import threading
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import Client
from django.utils import timezone, translation
from django.utils.formats import date_format

from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import ResetStop
from accounts.client_info import ClientInfo
from accounts.factors import resets
from accounts.factors.models import FactorReset
from accounts.factors.resets import Refusal
from accounts.pages import personal_data
from accounts.people.models import User
from accounts.signins.models import AuthSession
from config.management.commands import worker
from tests.kit.clients import is_signed_in
from tests.kit.factories import UserFactory
from tests.kit.factors import enrol

CLIENT = ClientInfo(ip="203.0.113.9", user_agent="curl/8.77")
WHY = "Showed an identity card at the desk"


@pytest.fixture
def operator(db):
    member = UserFactory(staff=True)
    member.user_permissions.add(Permission.objects.get(codename="add_factorreset"))
    return User.objects.get(pk=member.pk)


def ask(user, actor=None):
    return resets.ask(user, reason=WHY, actor=actor, client=CLIENT)


def let_time_pass():
    FactorReset.objects.update(due_at=timezone.now())


def has_factors(user):
    return Authenticator.objects.filter(user=user).exists()


def events(prefix="factor"):
    rows = AuditEvent.objects.filter(type__startswith=prefix).order_by("pk")
    return list(rows.values_list("type", "reason"))


def token_in(mail):
    return re.search(r"/accounts/2fa/reset/stop/([^/\s]+)/", mail.body)[1]


def test_a_reset_waits_a_day_then_ends_all_sign_ins(signed_in, user, operator, deliver):
    enrol(user)
    reset = ask(user, operator)
    early = resets.carry_out_due()
    had_factors, was_signed_in = has_factors(user), is_signed_in(signed_in)
    let_time_pass()

    assert timedelta(hours=23) < reset.due_at - timezone.now() < timedelta(hours=25)
    assert (early, had_factors, was_signed_in) == (0, True, True)
    assert resets.carry_out_due() == 1
    assert not has_factors(user)
    assert not is_signed_in(signed_in)
    assert AuthSession.objects.get().revoked_reason == "admin"
    assert events() == [
        ("factor_reset.requested", ""),
        ("factor.removed", "totp"),
        ("factor_reset.done", ""),
    ]
    assert set(AuditEvent.objects.filter(type__startswith="factor").values_list("actor")) == {
        (operator.pk,)
    }
    assert "was removed" in deliver()[-1].subject
    assert resets.carry_out_due() == 0


def test_the_worker_carries_resets_out():
    assert resets.carry_out_due in [tick.chore for tick in worker.TICKS]


def test_all_proved_addresses_get_the_link(user, operator, deliver):
    enrol(user)
    EmailAddress.objects.create(user=user, email="second@example.com", verified=True)
    EmailAddress.objects.create(user=user, email="unproved@example.com", verified=False)
    ask(user, operator)

    mails = deliver()
    assert {mail.to[0] for mail in mails} == {user.email, "second@example.com"}
    assert len({token_in(mail) for mail in mails}) == 1
    assert token_in(mails[0]) not in str(FactorReset.objects.values())


def test_the_link_stops_it_once_and_only_by_the_button(user, operator, deliver):
    enrol(user)
    ask(user, operator)
    path = f"/accounts/2fa/reset/stop/{token_in(deliver()[-1])}/"
    browser = Client()
    page = browser.get(path)
    still_pending = resets.pending_of(user)
    stopped, again, later = browser.post(path), browser.post(path), browser.get(path)
    let_time_pass()

    assert "Keep my second step" in page.text
    assert still_pending is not None
    assert "Your second step stays" in stopped.text
    assert "Nothing to stop" in again.text
    assert "Nothing to stop" in later.text
    assert resets.carry_out_due() == 0
    assert has_factors(user)
    assert events()[-1] == ("factor_reset.stopped", "by_link")
    assert events("factor_reset.stopped") == [("factor_reset.stopped", "by_link")]
    assert "stays" in deliver()[-1].subject


def test_a_foreign_site_cannot_press_the_button(user, operator, deliver):
    enrol(user)
    ask(user, operator)
    path = f"/accounts/2fa/reset/stop/{token_in(deliver()[-1])}/"

    assert Client(enforce_csrf_checks=True).post(path).status_code == 403
    assert resets.pending_of(user) is not None


def test_an_unknown_token_stops_nothing(user, operator):
    enrol(user)
    ask(user, operator)
    answer = Client().post("/accounts/2fa/reset/stop/no-such-token/")

    assert "Nothing to stop" in answer.text
    assert resets.pending_of(user) is not None


def test_a_link_does_not_stop_a_later_reset(user, operator, deliver):
    enrol(user)
    first = ask(user, operator)
    path = f"/accounts/2fa/reset/stop/{token_in(deliver()[-1])}/"
    resets.stop(first, ResetStop.BY_LINK, client=CLIENT)
    ask(user, operator)
    Client().post(path)

    assert resets.pending_of(user) is not None


def test_the_signed_in_owner_sees_and_stops_it(signed_in, user, operator):
    enrol(user)
    ask(user, operator)
    page = signed_in.get("/accounts/2fa/")
    signed_in.post("/accounts/2fa/reset/stop/")

    assert "Keep my second step" in page.text
    assert resets.pending_of(user) is None
    assert events()[-1] == ("factor_reset.stopped", "by_owner")


def test_the_owner_stops_no_reset_of_another_account(signed_in, user, operator):
    other = UserFactory()
    enrol(other)
    ask(other, operator)
    signed_in.post("/accounts/2fa/reset/stop/")

    assert resets.pending_of(other) is not None


def test_refusals(user, operator):
    without = ask(user, operator)
    enrol(user)
    ask(user, operator)
    second = ask(user, operator)
    unproved = UserFactory(verified=False)
    enrol(unproved)

    assert (without, second) == (Refusal.NO_FACTOR, Refusal.PENDING)
    assert ask(unproved, operator) == Refusal.NO_ADDRESS
    assert FactorReset.objects.count() == 1


def test_an_operator_who_lost_the_right_resets_nothing(user, operator):
    enrol(user)
    ask(user, operator)
    operator.user_permissions.clear()
    let_time_pass()

    assert resets.carry_out_due() == 0
    assert has_factors(user)
    assert events()[-1] == ("factor_reset.stopped", "not_allowed")


@pytest.mark.parametrize("change", ["disabled", "deleted", "no_staff"])
def test_an_operator_who_is_gone_resets_nothing(user, operator, change):
    enrol(user)
    ask(user, operator)
    if change == "deleted":
        operator.delete()
    else:
        User.objects.filter(pk=operator.pk).update(
            **{"is_active" if change == "disabled" else "is_staff": False}
        )
    let_time_pass()

    assert resets.carry_out_due() == 0
    assert has_factors(user)


def test_who_may_ask(user, operator):
    admin, other_admin = UserFactory(admin=True), UserFactory(admin=True)

    assert resets.may_ask(operator, user)
    assert resets.may_ask(admin, other_admin)
    assert not resets.may_ask(operator, operator)
    assert not resets.may_ask(admin, admin)
    assert not resets.may_ask(operator, admin)
    assert not resets.may_ask(UserFactory(staff=True), user)
    assert not resets.may_ask(UserFactory(), user)


def test_a_password_reset_by_mail_keeps_the_factors(user, deliver):
    enrol(user)
    Client().post("/accounts/password/reset/", {"email": user.email})
    key = re.search(r"/accounts/password/reset/key/([^/\s]+)/", deliver()[-1].body)[1]
    browser = Client()
    form = browser.get(f"/accounts/password/reset/key/{key}/")["Location"]
    browser.post(form, {"password1": "a new long enough passphrase"})

    user.refresh_from_db()
    assert user.check_password("a new long enough passphrase")
    assert has_factors(user)


def test_a_failure_stops_no_other_reset(user, operator, monkeypatch):
    other = UserFactory()
    for each in (user, other):
        enrol(each)
        ask(each, operator)
    let_time_pass()
    carry_out = resets.carry_out

    def fail_once(reset):
        if reset.user == user:
            raise RuntimeError
        return carry_out(reset)

    monkeypatch.setattr(resets, "carry_out", fail_once)

    assert resets.carry_out_due() == 1
    assert (has_factors(user), has_factors(other)) == (True, False)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", range(5))
def test_stopping_and_carrying_out_have_one_winner(user, operator, turn):
    enrol(user)
    reset = ask(user, operator)
    let_time_pass()
    results, barrier = {}, threading.Barrier(2)

    def race(name, act):
        try:
            barrier.wait(timeout=10)
            results[name] = act()
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=race, args=("done", resets.carry_out_due)),
        threading.Thread(
            target=race,
            args=("stopped", lambda: resets.stop(reset, ResetStop.BY_LINK, client=CLIENT)),
        ),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert sorted(map(bool, results.values())) == [False, True]
    assert has_factors(user) == results["stopped"]
    assert len(events("factor_reset")) == 2


# The command


def run(*args):
    call_command("remove_factors", *args)


def test_the_command_asks_for_a_reset_with_the_delay(user, deliver):
    enrol(user)
    run(user.email.upper(), "--reason", WHY)
    before = has_factors(user)
    mail = deliver()[-1]
    let_time_pass()

    assert before
    assert token_in(mail)
    assert resets.carry_out_due() == 1
    assert FactorReset.objects.get().reason == WHY


@pytest.mark.parametrize("is_pending", [False, True])
def test_the_command_removes_the_factors_now(signed_in, user, operator, deliver, is_pending):
    enrol(user)
    enrol(UserFactory())
    if is_pending:
        ask(user, operator)
    run(user.email, "--reason", WHY, "--now")

    assert not has_factors(user)
    assert Authenticator.objects.count() == 2
    assert not is_signed_in(signed_in)
    assert AuditEvent.objects.get(type="factor.removed").user == user
    assert "was removed" in deliver()[-1].subject
    assert resets.pending_of(user) is None


def test_a_dry_run_changes_nothing(user, capsys):
    enrol(user)
    run(user.email, "--dry-run", "--now")

    assert "Would remove all second factors" in capsys.readouterr().out
    assert has_factors(user)
    assert not FactorReset.objects.exists()


@pytest.mark.parametrize("flags", [[], ["--now"], ["--reason", ""], ["--reason", "x" * 201]])
def test_the_command_needs_a_reason(user, flags):
    enrol(user)
    with pytest.raises(CommandError, match="--reason says"):
        run(user.email, *flags)
    assert has_factors(user)


@pytest.mark.parametrize("flags", [[], ["--now"], ["--dry-run"]])
def test_the_command_refuses_an_account_without_factors(user, flags):
    with pytest.raises(CommandError, match="no second factor"):
        run(user.email, "--reason", WHY, *flags)


def test_the_command_refuses_an_unknown_email(db):
    with pytest.raises(CommandError, match="No account has the email"):
        run("nobody@example.com")


def test_the_audit_log_has_the_reason_as_a_note(user, operator, client):
    enrol(user)
    ask(user, operator)
    let_time_pass()
    resets.carry_out_due()
    rows = AuditEvent.objects.filter(type__startswith="factor_reset").order_by("pk")

    assert list(rows.values_list("type", "note", "reason")) == [
        ("factor_reset.requested", WHY, ""),
        ("factor_reset.done", WHY, ""),
    ]
    client.force_login(UserFactory(admin=True))
    page = client.get(f"/admin/accounts/auditevent/{rows[1].pk}/change/")
    assert WHY in page.text
    data = "".join(personal_data.written(User.objects.get(pk=user.pk)))
    assert data.count(WHY) == 3  # the reset and its two events


def test_a_reset_by_the_command_has_its_note_too(user):
    enrol(user)
    run(user.email, "--reason", WHY, "--now")

    assert AuditEvent.objects.get(type="factor_reset.done").note == WHY


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_time_in_the_mail_names_its_zone(user, operator, deliver, language):
    User.objects.filter(pk=user.pk).update(locale=language)
    enrol(user)
    reset = ask(user, operator)
    mail = deliver()[-1]
    with translation.override(language):
        when = date_format(timezone.localtime(reset.due_at), "DATETIME_FORMAT")

    for text in (mail.body, mail.alternatives[0][0]):
        assert f"{when} KST" in text


def test_a_reset_from_the_shell_needs_a_factor(user):
    assert not resets.carry_out_now(user, reason=WHY)
    assert not FactorReset.objects.exists()
    assert events() == []


def test_a_reset_from_the_shell_replaces_the_one_that_waits(user, operator):
    enrol(user)
    waiting = ask(user, operator)

    assert resets.carry_out_now(user, reason=WHY)

    waiting.refresh_from_db()
    assert waiting.outcome == FactorReset.Outcome.STOPPED
    assert not has_factors(user)
    assert events() == [
        ("factor_reset.requested", ""),
        ("factor_reset.stopped", "by_replacement"),
        ("factor_reset.requested", ""),
        ("factor.removed", "totp"),
        ("factor_reset.done", ""),
    ]
