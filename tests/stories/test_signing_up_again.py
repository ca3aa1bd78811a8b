"""Nobody is stuck at a sign-up: typed wrongly, unfinished, begun by a stranger, or known already."""

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group
from django.test import Client
from django_redis import get_redis_connection

from accounts.people.models import User
from accounts.signins.models import AuthSession
from tests.kit.clients import CHROME, is_signed_in
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.mails import code_in

pytestmark = pytest.mark.django_db
SIGNUP, CONFIRM, LOGIN = "/accounts/signup/", "/accounts/confirm-email/", "/accounts/login/"
ADDRESS = "mia@example.com"
MINE, THEIRS = "my own long password", "a password of a stranger"


@pytest.fixture(autouse=True)
def codes_at_any_time(settings):
    """Mail codes without a pause between them."""
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"confirm_email": None}


def new_browser():
    return Client(headers={"user-agent": CHROME})


def sign_up(browser, password=MINE, email=ADDRESS):
    response = browser.post(SIGNUP, {"email": email, "password1": password})
    assert response.status_code == 302
    assert response["Location"] == CONFIRM
    return browser


def last_code(deliver):
    return code_in(deliver()[-1])


def can_sign_in(password, email=ADDRESS):
    browser = new_browser()
    browser.post(LOGIN, {"login": email, "password": password})
    return is_signed_in(browser)


# The address was typed wrongly


def test_another_address_can_be_chosen_on_the_code_page(deliver):
    browser = sign_up(new_browser(), email="typo@example.com")
    page = browser.get(CONFIRM)

    response = browser.post(CONFIRM, {"action": "restart"})
    sign_up(browser)
    browser.post(CONFIRM, {"code": last_code(deliver)})

    assert 'value="restart"' in page.text
    assert response["Location"] == SIGNUP
    assert is_signed_in(browser)
    assert User.objects.get(last_login__isnull=False).email == ADDRESS


def test_the_new_form_begins_with_the_address_to_correct():
    browser = sign_up(new_browser(), email="typo@example.com")

    page = browser.post(CONFIRM, {"action": "restart"}, follow=True)

    assert page.context["form"]["email"].value() == "typo@example.com"


def test_the_choice_is_the_same_for_an_address_with_an_account(user):
    known, new = sign_up(new_browser(), email=user.email), sign_up(new_browser())

    pages = [browser.get(CONFIRM).text for browser in (known, new)]
    answers = [browser.post(CONFIRM, {"action": "restart"})["Location"] for browser in (known, new)]

    assert ['value="restart"' in page for page in pages] == [True, True]
    assert answers == [SIGNUP, SIGNUP]


def test_a_signed_in_user_has_no_sign_up_to_begin_again(signed_in, user, deliver):
    signed_in.post("/accounts/email/", {"email": "new@example.com"})

    signed_in.post(CONFIRM, {"action": "restart"})

    assert is_signed_in(signed_in)


# The sign-up was not finished, or a stranger began it


def test_an_unfinished_sign_up_begins_again_with_the_new_password(deliver):
    sign_up(new_browser(), THEIRS)
    browser = sign_up(new_browser(), MINE)

    browser.post(CONFIRM, {"code": last_code(deliver)})

    assert is_signed_in(browser)
    assert can_sign_in(MINE)
    assert not can_sign_in(THEIRS)
    assert User.objects.count() == 1


def test_a_later_sign_up_of_a_stranger_changes_nothing_for_the_first(deliver):
    browser = sign_up(new_browser(), MINE)
    code = last_code(deliver)
    sign_up(new_browser(), THEIRS)

    browser.post(CONFIRM, {"code": code})

    assert is_signed_in(browser)
    assert can_sign_in(MINE)
    assert not can_sign_in(THEIRS)


def test_the_code_of_one_sign_up_does_not_work_in_the_other(deliver):
    stranger = sign_up(new_browser(), THEIRS)
    sign_up(new_browser(), MINE)

    stranger.post(CONFIRM, {"code": last_code(deliver)})

    assert not is_signed_in(stranger)
    assert not AuthSession.objects.exists()


def test_a_proved_account_keeps_its_password_against_an_older_sign_up(deliver):
    """Both visitors hold the code of their own session; the second proves a proved address."""
    first, second = sign_up(new_browser(), MINE), sign_up(new_browser(), THEIRS)
    codes = [code_in(mail) for mail in deliver()]

    first.post(CONFIRM, {"code": codes[0]})
    second.post(CONFIRM, {"code": codes[1]})

    assert is_signed_in(first)
    assert can_sign_in(MINE)
    assert not can_sign_in(THEIRS)


def test_what_a_stranger_connected_is_gone_after_the_proof(deliver):
    sign_up(new_browser(), THEIRS)
    squatted = User.objects.get()
    User.objects.update(display_name="Not Mia")
    SocialAccount.objects.create(user=squatted, provider="kakao", uid="stranger")

    browser = sign_up(new_browser(), MINE)
    browser.post(CONFIRM, {"code": last_code(deliver)})

    assert is_signed_in(browser)
    assert not SocialAccount.objects.exists()
    assert User.objects.get().display_name == ""


@pytest.mark.parametrize("state", ["staff", "superuser", "group", "no address", "signed in"])
def test_an_account_that_somebody_prepared_is_not_taken(deliver, state):
    prepared = UserFactory(email=ADDRESS, verified=False)
    EmailAddress.objects.get_or_create(user=prepared, email=ADDRESS, verified=False)
    if state == "staff":
        User.objects.update(is_staff=True)
    elif state == "superuser":
        User.objects.update(is_superuser=True)
    elif state == "group":
        prepared.groups.add(Group.objects.create(name="editors"))
    elif state == "no address":
        EmailAddress.objects.all().delete()
    else:
        User.objects.update(last_login="2026-01-01T00:00:00Z")

    sign_up(new_browser(), THEIRS)

    assert "already" in deliver()[-1].body
    prepared.refresh_from_db()
    assert prepared.check_password(PASSWORD)


def test_an_app_signs_up_again(deliver):
    new = {"email": ADDRESS, "password": MINE}
    path = "/_allauth/app/v1/auth"
    sign_up(new_browser(), THEIRS)
    pending = Client().post(f"{path}/signup", new, content_type="application/json").json()

    done = Client().post(
        f"{path}/email/verify",
        {"key": last_code(deliver)},
        content_type="application/json",
        headers={"x-session-token": pending["meta"]["session_token"]},
    )

    assert done.status_code == 200
    assert can_sign_in(MINE)
    assert not can_sign_in(THEIRS)


# Nobody learns who has an account


def after_sign_up(email, door):
    """Sign up with this address, then sign in with the same password. Return what is seen."""
    sign_up(new_browser(), MINE, email)
    client = new_browser()
    if door == "page":
        answer = client.post(LOGIN, {"login": email, "password": MINE})
        return answer.status_code, answer.get("Location"), client.get(CONFIRM).status_code
    path = "/api/token/" if door == "api" else "/_allauth/app/v1/auth/login"
    answer = client.post(path, {"email": email, "password": MINE}, content_type="application/json")
    body = answer.json()
    flows = body.get("data", {}).get("flows", [])
    seen = body.get("code") or body.get("errors") or [one for one in flows if one.get("is_pending")]
    return answer.status_code, seen


@pytest.mark.parametrize("door", ["page", "api", "app"])
def test_a_sign_in_after_a_sign_up_looks_the_same_for_a_known_address(user, door):
    assert after_sign_up(user.email, door) == after_sign_up(ADDRESS, door)


@pytest.mark.parametrize("door", ["page", "api"])
def test_a_decoy_opens_nothing_and_spoils_nothing(user, door):
    after_sign_up(user.email, door)

    assert not AuthSession.objects.exists()
    assert can_sign_in(PASSWORD, user.email)
    assert not can_sign_in(MINE, user.email)


def test_another_password_than_the_decoys_is_just_wrong(user, post):
    sign_up(new_browser(), MINE, user.email)

    response = post("/api/token/", {"email": user.email, "password": THEIRS})

    assert response.json()["code"] == "invalid_credentials"


def test_the_decoy_is_a_hash_under_a_name_without_the_address(user):
    sign_up(new_browser(), MINE, user.email)

    server = get_redis_connection("default")
    (name,) = server.scan_iter("*decoy*")
    assert user.email.encode() not in name
    assert MINE.encode() not in server.get(name)
    assert 0 < server.ttl(name) <= 3600


@pytest.mark.parametrize("door", ["page", "api", "app"])
def test_a_sign_in_right_after_a_sign_up_looks_the_same(user, settings, door):
    """With the pause between two mails, too."""
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"confirm_email": "1/10s/key"}

    assert after_sign_up(user.email, door) == after_sign_up(ADDRESS, door)


@pytest.mark.parametrize(
    ("path", "field"),
    [("/accounts/reauthenticate/", "password"), ("/accounts/password/change/", "oldpassword")],
)
def test_the_password_of_a_decoy_is_just_wrong_for_its_owner(signed_in, user, path, field):
    sign_up(new_browser(), MINE, user.email)

    response = signed_in.post(path, {field: MINE, "password1": THEIRS})

    assert response.status_code == 200
    assert response.context["form"].errors
