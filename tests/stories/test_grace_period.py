"""Let an account sign in without a second factor for some days, counted from its first sign-in."""

import json
from datetime import datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.client_info import ClientInfo
from accounts.factors import changes, policy, resets
from accounts.factors.models import GracePeriod
from accounts.people.models import User
from accounts.signins.models import AuthSession
from tests.kit.clients import is_signed_in, sign_in
from tests.kit.factories import UserFactory
from tests.kit.factors import app_code, enrol, enrol_app
from tests.kit.racing import at_once

pytestmark = pytest.mark.django_db
ENROL = "/accounts/2fa/enrol/"
DOORS = ["page", "api", "app"]


@pytest.fixture(autouse=True)
def ten_days(settings):
    settings.MFA_REQUIRED_FOR = "all"
    settings.MFA_GRACE_DAYS = 10


def later(days):
    return time_machine.travel(timezone.now() + timedelta(days=days))


def opens(user, door):
    """Return True if a sign-in at this door opens, without a second factor."""
    before = AuthSession.objects.filter(user=user).count()
    sign_in(Client(), user, door=door)
    return AuthSession.objects.filter(user=user).count() > before


@pytest.mark.parametrize("door", DOORS)
def test_every_door_opens_within_the_days_and_not_after(user, door):
    first = opens(user, door)
    with later(9):
        within = opens(user, door)
    with later(11):
        after = {each: opens(user, each) for each in DOORS}

    assert (first, within) == (True, True)
    assert after == dict.fromkeys(DOORS, False)


def test_after_the_days_the_api_demands_enrolment(user):
    opens(user, "page")
    with later(11):
        answer = sign_in(Client(), user, door="api")
        page = sign_in(Client(), user)

    assert answer.status_code == 401
    assert answer.json()["code"] == "mfa_enrolment_required"
    assert page["Location"] == ENROL


def test_the_days_begin_at_the_first_sign_in(user):
    with later(100):
        first = opens(user, "page")
    with later(109):
        within = opens(user, "page")
    with later(111):
        after = opens(user, "page")

    assert (first, within, after) == (True, True, False)


def test_a_later_sign_in_does_not_start_it_again(user):
    for days in (0, 5, 9):
        with later(days):
            opens(user, "page")
    with later(11):
        assert not opens(user, "page")
    assert GracePeriod.objects.count() == 1


def test_a_wrong_password_starts_nothing(user):
    sign_in(Client(), user, "wrong")

    assert not GracePeriod.objects.exists()


@pytest.mark.parametrize("who", ["nobody", "staff"])
def test_others_get_no_period(user, settings, who):
    settings.MFA_REQUIRED_FOR = who
    opens(user, "page")

    assert not GracePeriod.objects.exists()


def test_before_the_first_day_it_does_not_start(user, settings):
    settings.MFA_REQUIRED_FROM = timezone.localdate() + timedelta(days=20)
    opens(user, "page")
    before = GracePeriod.objects.exists()
    with later(25):
        first = opens(user, "page")
    with later(36):
        after = opens(user, "page")

    assert (before, first, after) == (False, True, False)


def test_a_removed_factor_starts_no_new_period(user):
    secret = enrol_app(user)
    browser = Client()
    sign_in(browser, user)
    browser.post("/accounts/2fa/authenticate/", {"code": app_code(secret)})
    with later(11):
        changes.remove_app(user, client=ClientInfo())
        after = opens(user, "page")

    assert GracePeriod.objects.get().user == user
    assert not after


def test_a_reset_by_an_operator_starts_no_new_period(user):
    opens(user, "page")
    enrol(user)
    with later(11):
        resets.carry_out_now(user, reason="lost the phone")

        assert not opens(user, "page")


def test_without_the_setting_enrolment_is_demanded_at_once(user, settings):
    settings.MFA_GRACE_DAYS = 0

    assert not opens(user, "page")
    assert not GracePeriod.objects.exists()


def test_the_setting_switched_off_ends_all_periods(user, settings):
    opens(user, "page")
    settings.MFA_GRACE_DAYS = 0

    assert not opens(user, "page")


# The notice


def test_a_page_says_until_when(user):
    browser = Client()
    sign_in(browser, user)

    assert is_signed_in(browser)
    assert "You can sign in without a second step until" in browser.get("/accounts/").text


def test_a_user_with_a_factor_reads_no_notice(user):
    secret = enrol_app(user)
    browser = Client()
    sign_in(browser, user)
    browser.post("/accounts/2fa/authenticate/", {"code": app_code(secret)})

    assert "without a second step until" not in browser.get("/accounts/").text


@pytest.mark.parametrize("door", ["api", "app"])
def test_an_answer_with_tokens_says_until_when(user, door):
    body = sign_in(Client(), user, door=door).json()
    body = body.get("meta", body)
    ends = datetime.fromisoformat(body["second_step_due_at"])

    assert ends == policy.grace_ends(user).replace(microsecond=0)
    assert abs(ends - timezone.now() - timedelta(days=10)) < timedelta(minutes=1)


def test_an_answer_before_the_first_day_names_that_day(user, settings):
    settings.MFA_GRACE_DAYS = 0
    settings.MFA_REQUIRED_FROM = timezone.localdate() + timedelta(days=3)
    body = sign_in(Client(), user, door="api").json()

    due_at = datetime.fromisoformat(body["second_step_due_at"])
    assert timezone.localtime(due_at).date() == settings.MFA_REQUIRED_FROM


def test_a_refresh_does_not_repeat_the_notice(user):
    pair = sign_in(Client(), user, door="api").json()
    answer = Client().post(
        "/api/token/refresh/",
        json.dumps({"refresh": pair["refresh"]}),
        content_type="application/json",
    )

    assert answer.status_code == 200
    assert "second_step_due_at" not in answer.json()


# The admin


def test_the_admin_has_no_grace_period(db):
    member = UserFactory(staff=True)
    browser = Client()
    sign_in(browser, member)

    assert is_signed_in(browser)
    assert browser.get("/admin/")["Location"] == "/accounts/2fa/totp/activate/"


@pytest.mark.parametrize("who", ["staff", "group:Keepers", "all", "nobody"])
def test_the_admin_lists_who_lacks_a_required_factor(settings, who):
    settings.MFA_REQUIRED_FOR = "nobody"
    admin, member, keeper, visitor = (
        UserFactory(admin=True),
        UserFactory(staff=True),
        UserFactory(email="keeper@example.com"),
        UserFactory(email="visitor@example.com"),
    )
    keeper.groups.create(name="Keepers")
    secret = enrol_app(admin)
    browser = Client()
    sign_in(browser, admin)
    browser.post("/accounts/2fa/authenticate/", {"code": app_code(secret)})
    settings.MFA_REQUIRED_FOR = who
    lacking = {
        "staff": {member},
        "group:Keepers": {keeper},
        "all": {member, keeper, visitor},
        "nobody": set(),
    }[who]
    page = browser.get("/admin/accounts/user/?second_step=missing")
    by_kind = browser.get("/admin/accounts/user/?second_step=totp")

    assert set(page.context["cl"].queryset) == lacking
    assert set(by_kind.context["cl"].queryset) == {admin}


@pytest.mark.django_db(transaction=True)
def test_of_four_first_sign_ins_at_once_one_starts_it(user):
    before = timezone.now()
    results = at_once(4, lambda _: policy.begin_grace(User.objects.get(pk=user.pk)))

    assert results == [None] * 4
    assert GracePeriod.objects.get().started_at > before
