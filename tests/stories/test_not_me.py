"""The owner reports "it wasn't me" by the link in a notice, or on the own pages."""

import json
import re
from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.conf import settings as django_settings
from django.test import Client, RequestFactory
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import Denied
from accounts.client_info import ClientInfo
from accounts.errors import SessionEndedError
from accounts.factors import resets
from accounts.mail import denial_links
from accounts.pages.adapters import AccountAdapter
from accounts.pages.denial_views import DenialLinkView, DenialView
from accounts.people.models import User
from accounts.signins.models import AuthSession
from accounts.store import counters
from accounts.store.counters import Limit
from tests.kit.clients import CHROME, bearer, is_signed_in, sign_in
from tests.kit.factories import PASSWORD, AuditEventFactory, AuthSessionFactory, UserFactory
from tests.kit.factors import app_code, enrol, enrol_passkey
from tests.kit.mails import code_in
from tests.kit.outage import without_redis
from tests.kit.passkeys import SoftAuthenticator
from tests.kit.problems import problem
from tests.kit.proofs import confirm_by_password, let_proofs_age, send_again
from tests.kit.racing import at_once
from tests.kit.standins import MINJI

pytestmark = pytest.mark.django_db
PAGE = "/accounts/not-me/"
OWN = "/accounts/activity/not-me/"
ANOTHER = "another long password"


def path_in(mail):
    """Return the path of the link "it wasn't me", which text and HTML both have."""
    [link] = re.findall(r"https?://[^/\s]+(/accounts/not-me/[\w-]+/)", mail.body)
    assert link in mail.alternatives[0][0]
    return link


def link_for(user, about=Denied.SIGN_IN, **details):
    url = denial_links.url(user, about=about, to=details.pop("to", user.email), **details)
    return url.removeprefix(django_settings.SITE_URL)


def open_link(browser, path):
    """Open the link, and return the page with the button."""
    sent = browser.get(path)
    assert (sent.status_code, sent["Location"]) == (302, PAGE)
    return browser.get(PAGE)


def press(browser, path, **form):
    """Open the link, press the button, and return the page that follows."""
    page = open_link(browser, path)
    token = re.search(r'name="token" value="([^"]+)"', page.text)
    if token is None:
        return page
    done = browser.post(PAGE, {"token": token[1]} | form)
    assert (done.status_code, done["Location"]) == (302, PAGE)
    return browser.get(PAGE)


def add_passkey(browser, device):
    options = browser.get("/accounts/2fa/passkeys/options/register/").json()
    form = {"credential": json.dumps(device.create(options))}
    assert browser.post("/accounts/2fa/passkeys/add/", form).status_code in {302, 303}


def sign_in_by_passkey(browser, device):
    options = browser.get("/accounts/2fa/passkeys/options/sign_in/").json()
    form = {"credential": json.dumps(device.get(options))}
    return browser.post("/accounts/login/passkey/", form)


def reports():
    return AuditEvent.objects.filter(type="activity.denied")


def reset_in(mail):
    return re.search(r"https?://[^/\s]+(/accounts/password/reset/key/\S+)", mail.body)[1]


@pytest.fixture
def thief(user):
    """A browser whose sign-in the owner gets a mail about."""
    AuditEventFactory(user=user, user_agent="Firefox")
    browser = Client(headers={"user-agent": CHROME}, REMOTE_ADDR="203.0.113.66")
    sign_in(browser, user)
    return browser


@pytest.fixture
def link(thief, deliver):
    return path_in(deliver()[-1])


# The whole way


def test_the_link_ends_the_thiefs_sign_in_and_the_password(thief, user, link, browser, deliver):
    api = sign_in(Client(), user, door="api").json()
    page = press(browser, link)

    assert "Every device is signed out" in page.text
    assert not is_signed_in(thief)
    assert Client().get("/api/me/", headers=bearer(api["access"])).status_code == 401
    assert not is_signed_in(browser)
    assert sign_in(Client(), user).status_code == 200
    assert sign_in(Client(), user, door="api").status_code == 401
    assert set(AuthSession.objects.values_list("revoked_reason", flat=True)) == {"denied"}


def test_the_owner_chooses_a_new_password_by_the_mail(user, link, browser, deliver):
    press(browser, link)
    mail = deliver()[-1]
    assert mail.to == [user.email]
    assert "you reported: it wasn't me" in mail.body
    form = browser.get(reset_in(mail))["Location"]
    browser.post(form, {"password1": ANOTHER})

    assert sign_in(browser, user, ANOTHER).status_code == 302
    assert is_signed_in(browser)


def test_the_report_is_recorded_for_owner_and_operator(user, link, browser, admin_client):
    sid = AuthSession.objects.get(user=user).pk
    press(browser, link)

    report = reports().get()
    assert (report.user, report.sid, report.reason) == (user, sid, "denied_sign_in")
    assert report.ip == "127.0.0.1"
    assert "Reported: not me" in admin_client.get("/admin/accounts/auditevent/").text
    browser.force_login(User.objects.get(pk=user.pk))
    assert "Reported: not me" in browser.get("/accounts/activity/").text


def test_a_sign_in_under_way_ends_as_well(user, browser):
    secret, _codes = enrol(user)
    thief = Client()
    sign_in(thief, user)
    token = sign_in(Client(), user, door="api").json()["mfa_token"]
    press(browser, link_for(user, Denied.HALF_SIGN_IN))
    thief.post("/accounts/2fa/authenticate/", {"code": app_code(secret)})
    body = {"mfa_token": token, "code": app_code(secret)}
    answer = Client().post("/api/token/mfa/", body, content_type="application/json")

    assert answer.status_code == 401
    assert not is_signed_in(thief)
    assert not AuthSession.objects.exists()
    assert Authenticator.objects.filter(user=user).exists()  # the link removes no factor


def test_a_reset_link_of_the_thief_ends_as_well(user, browser, deliver):
    Client().post("/accounts/password/reset/", {"email": user.email})
    stolen = reset_in(deliver()[-1])
    press(browser, link_for(user))

    assert "password1" not in Client().get(stolen, follow=True).text


def test_a_thiefs_known_browser_is_new_afterwards(thief, user, link, browser, deliver):
    press(browser, link)
    browser.post(browser.get(reset_in(deliver()[-1]))["Location"], {"password1": ANOTHER})
    thief.defaults["REMOTE_ADDR"] = "203.0.112.1"
    sign_in(thief, user, ANOTHER)

    assert deliver()[-1].subject.endswith("A sign-in on a new device")


@pytest.mark.parametrize("door", ["change", "set"])
def test_a_password_change_under_way_does_not_undo_the_report(thief, user, link, browser, door):
    """The thief's request began before the report, and writes after it."""
    request = RequestFactory().post("/")
    if door == "set":
        user.set_unusable_password()
        user.save()
        link = link_for(user)
    slow = User.objects.get(pk=user.pk)
    press(browser, link)

    with pytest.raises(SessionEndedError):
        AccountAdapter(request).set_password(slow, ANOTHER)
    assert not User.objects.get(pk=user.pk).has_usable_password()


# Scanners of mail, and clicks


@pytest.mark.parametrize("method", ["get", "head"])
def test_opening_the_link_changes_nothing(thief, user, link, browser, method):
    for _ in range(3):
        getattr(browser, method)(link, follow=True)

    assert is_signed_in(thief)
    assert sign_in(Client(), user).status_code == 302
    assert not reports().exists()
    assert "It wasn't me: sign out every device" in open_link(browser, link).text


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
def test_the_links_own_address_takes_no_form(thief, link, browser, method):
    assert getattr(browser, method)(link).status_code in {200, 405}

    assert is_signed_in(thief)


def test_the_form_needs_its_csrf_token(thief, link):
    browser = Client(enforce_csrf_checks=True)
    page = open_link(browser, link)
    token = re.search(r'name="token" value="([^"]+)"', page.text)[1]

    assert browser.post(PAGE, {"token": token}).status_code == 403
    assert is_signed_in(thief)


def test_the_page_has_the_token_neither_in_its_address_nor_in_a_cache(link, browser):
    token = link.removeprefix(PAGE).strip("/")
    page = open_link(browser, link)

    assert token not in page.request["PATH_INFO"]
    assert "no-store" in page["Cache-Control"]
    assert page["Referrer-Policy"] in {"same-origin", "no-referrer"}
    assert token not in "".join(f"{name}{value}" for name, value in browser.cookies.items())


def test_a_second_click_shows_the_same_page(thief, user, link, browser, another_browser):
    first = press(browser, link)
    second = press(another_browser, link)

    assert "Every device is signed out" in first.text
    assert "Every device is signed out" in second.text
    assert reports().count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_four_reports_at_once_one_counts_and_all_see_the_same(thief, user, link, deliver):
    browsers = [Client() for _ in range(4)]
    forms = [
        re.search(r'name="token" value="([^"]+)"', open_link(each, link).text)[1]
        for each in browsers
    ]
    mails = len(deliver())
    at_once(4, lambda number: browsers[number].post(PAGE, {"token": forms[number]}))

    assert reports().count() == 1
    assert len(deliver()) == mails + 1
    pages = [each.get(PAGE).text for each in browsers]
    assert all("Every device is signed out" in page for page in pages)


@pytest.mark.django_db(transaction=True)
def test_a_report_and_a_sign_in_at_once_leave_no_sign_in_open(user):
    """Either the sign-in opens first and is ended, or it finds that its password has changed."""
    path, browser, late = link_for(user), Client(), Client()
    open_link(browser, path)
    token = path.removeprefix(PAGE).strip("/")
    acts = [lambda: browser.post(PAGE, {"token": token}), lambda: sign_in(late, user)]
    at_once(2, lambda number: acts[number]())

    assert reports().count() == 1
    assert not AuthSession.objects.active().exists()


# Refusals


def assert_void(page):
    assert page.status_code == 200
    assert "This link no longer works" in page.text
    assert 'href="/accounts/password/reset/"' in page.text
    assert not reports().exists()


@pytest.mark.parametrize("damage", ["cut", "changed", "short", "long", "other letters"])
def test_a_wrong_token_does_nothing(thief, link, browser, damage):
    token = link.removeprefix(PAGE).strip("/")
    wrong = {
        "cut": token[:-8],
        "changed": ("A" if token[0] != "A" else "B") + token[1:],
        "short": "x",
        "long": token * 9,
        "other letters": "한글",
    }[damage]

    assert_void(open_link(browser, f"{PAGE}{wrong}/"))
    browser.post(PAGE, {"token": wrong})
    assert_void(browser.get(PAGE))
    assert is_signed_in(thief)


def test_no_token_does_nothing(browser, db):
    assert "Your browser sent no cookie" in browser.get(PAGE).text
    browser.post(PAGE)
    assert_void(browser.get(PAGE))


def test_a_late_link_does_nothing(user, browser, settings):
    path = link_for(user)
    with time_machine.travel(timezone.now() + timedelta(days=7, minutes=1)):
        assert_void(press(browser, path))
        browser.post(PAGE, {"token": path.removeprefix(PAGE).strip("/")})
        assert_void(browser.get(PAGE))

    assert sign_in(Client(), user).status_code == 302


def test_a_link_from_before_the_present_password_does_nothing(user, browser):
    path = link_for(user)
    user.set_password(ANOTHER)
    user.save()

    assert_void(press(browser, path))
    browser.post(PAGE, {"token": path.removeprefix(PAGE).strip("/")})
    assert sign_in(Client(), user, ANOTHER).status_code == 302


def test_after_the_new_password_a_used_link_is_void(user, browser, another_browser, deliver):
    path = link_for(user)
    press(browser, path)
    browser.post(browser.get(reset_in(deliver()[-1]))["Location"], {"password1": ANOTHER})

    assert "This link no longer works" in open_link(another_browser, path).text


def test_a_link_is_for_its_own_account_only(user, browser):
    other = UserFactory()
    sign_in(browser, other)
    page = press(browser, link_for(user))

    assert "Every device is signed out" in page.text
    assert is_signed_in(browser)
    assert reports().get().user == user
    assert sign_in(Client(), other).status_code == 302


def test_one_report_makes_all_older_links_void(user, browser, another_browser, deliver):
    """A reader of old mails ends the sign-ins at most once for each password."""
    links = [link_for(user) for _ in range(3)]
    press(browser, links[0])
    browser.post(browser.get(reset_in(deliver()[-1]))["Location"], {"password1": ANOTHER})
    owner = Client()
    sign_in(owner, user, ANOTHER)
    for path in links:
        open_link(another_browser, path)
        another_browser.post(PAGE, {"token": path.removeprefix(PAGE).strip("/")})

    assert is_signed_in(owner)
    assert reports().count() == 1


def test_a_link_of_a_disabled_or_deleted_account_does_nothing(user, browser):
    path = link_for(user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert_void(press(browser, path))
    browser.post(PAGE, {"token": path.removeprefix(PAGE).strip("/")})
    assert User.objects.get(pk=user.pk).has_usable_password()
    user.delete()
    assert_void(press(browser, path))


def test_the_links_are_limited(browser, user, monkeypatch):
    assert DenialLinkView.limit == DenialView.limit == counters.limit("form")
    monkeypatch.setattr(DenialLinkView, "limit", Limit("form", 5))
    path = link_for(user)
    statuses = {browser.get(path).status_code for _ in range(12)}  # of two windows at most

    assert statuses == {302, 429}


def test_a_report_counts_also_while_redis_is_down(user, deliver, settings):
    """The database decides. Only the page after it has to wait."""
    path = link_for(user)
    visitor = Client(raise_request_exception=False)
    with without_redis(settings):
        assert visitor.get(path).status_code == 503
        sent = visitor.post(PAGE, {"token": path.removeprefix(PAGE).strip("/")})

    assert sent.status_code == 503
    assert reports().count() == 1
    assert reset_in(deliver()[-1])
    assert "Every device is signed out" in open_link(visitor, path).text


# A browser that is signed in to the account


def test_the_owners_browser_may_stay_signed_in(thief, link, user):
    owner = Client()
    sign_in(owner, user)
    page = open_link(owner, link)
    assert 'name="keep"' in page.text
    done = press(owner, link, keep="1")

    assert "All other devices are signed out" in done.text
    assert is_signed_in(owner)
    assert not is_signed_in(thief)
    assert not User.objects.get(pk=user.pk).has_usable_password()


def test_the_owners_browser_may_be_signed_out_as_well(thief, link, user):
    owner = Client()
    sign_in(owner, user)
    done = press(owner, link)

    assert "Every device is signed out" in done.text
    assert not is_signed_in(owner)


def test_the_reported_browser_can_not_stay(thief, link):
    page = open_link(thief, link)
    assert 'name="keep"' not in page.text
    assert "The mail is about this browser" in page.text
    press(thief, link, keep="1")

    assert not is_signed_in(thief)


def test_a_stranger_with_the_link_keeps_nothing(thief, link, browser):
    assert 'name="keep"' not in open_link(browser, link).text
    press(browser, link, keep="1")

    assert not is_signed_in(thief)
    assert not is_signed_in(browser)


# Accounts without a password, and changed addresses


def test_an_account_without_a_password_signs_in_as_before(user, browser, deliver):
    user.set_unusable_password()
    user.save()
    thief = Client()
    thief.force_login(user)
    path = link_for(user)
    page = press(browser, path)

    assert "Every device is signed out" in page.text
    assert not is_signed_in(thief)
    assert "/accounts/3rdparty/" in deliver()[-1].body
    assert "/password/reset/key/" not in deliver()[-1].body
    assert "no longer works" not in press(browser, path).text
    assert reports().count() == 1  # the link works once here, too


def test_a_changed_address_gets_no_key(user, browser, deliver):
    """The new address may be the thief's: only operators can give the account back."""
    path = link_for(user, Denied.EMAIL, to="former@example.com")
    page = press(browser, path)

    assert "write to the people who run this site" in page.text
    assert "/password/reset/key/" not in deliver()[-1].body
    assert not User.objects.get(pk=user.pk).has_usable_password()


def test_a_denied_connection_is_removed(user, browser):
    row = SocialAccount.objects.create(user=user, provider="kakao", uid="4012345678")
    kept = SocialAccount.objects.create(user=user, provider="google", uid="1")
    SocialAccount.objects.update(date_joined=timezone.now() - timedelta(hours=1))
    press(browser, link_for(user, Denied.CONNECTION, connection=row.pk))

    assert list(SocialAccount.objects.filter(user=user)) == [kept]
    event = AuditEvent.objects.get(type="social.disconnected")
    assert (event.user, event.reason) == (user, "kakao")


def test_a_report_of_a_sign_in_removes_a_later_connection(thief, user, link, browser):
    """Its own mail has a link, too, which this report makes void."""
    kept = SocialAccount.objects.create(user=user, provider="google", uid="1")
    SocialAccount.objects.update(date_joined=timezone.now() - timedelta(hours=1))
    SocialAccount.objects.create(user=user, provider="kakao", uid="4012345678")
    press(browser, link)

    assert list(SocialAccount.objects.filter(user=user)) == [kept]


def test_a_denied_passkey_signs_in_no_more(signed_in, user, browser, deliver):
    mine, thiefs = enrol_passkey(user), SoftAuthenticator()
    Authenticator.objects.update(created_at=timezone.now() - timedelta(hours=1))
    add_passkey(signed_in, thiefs)
    press(browser, path_in(deliver()[-1]))

    assert sign_in_by_passkey(Client(), thiefs).status_code == 400
    assert sign_in_by_passkey(Client(), mine).status_code == 400  # it may be stolen
    assert Authenticator.objects.filter(type="webauthn").count() == 2  # no factor is removed


def test_a_report_of_a_sign_in_stops_a_later_passkey(thief, user, link, browser):
    phone = SoftAuthenticator()
    add_passkey(thief, phone)
    press(browser, link)

    assert sign_in_by_passkey(Client(), phone).status_code == 400


def test_a_link_removes_no_connection_of_another_account(user, browser):
    other = UserFactory()
    row = SocialAccount.objects.create(user=other, provider="kakao", uid="4012345678")
    press(browser, link_for(user, Denied.CONNECTION, connection=row.pk))

    assert SocialAccount.objects.get() == row


# The mails that have the link


def test_a_changed_password_is_mailed_with_a_link(signed_in, user, deliver, browser):
    form = {"oldpassword": PASSWORD, "password1": ANOTHER}
    signed_in.post("/accounts/password/change/", form)
    page = press(Client(), path_in(deliver()[-1]))

    assert "Every device is signed out" in page.text
    assert not is_signed_in(signed_in)
    assert reports().get().reason == "denied_password"


def test_a_reset_password_is_mailed_with_a_link(user, browser, deliver):
    browser.post("/accounts/password/reset/", {"email": user.email})
    form = browser.get(reset_in(deliver()[-1]))["Location"]
    browser.post(form, {"password1": ANOTHER})
    page = press(Client(), path_in(deliver()[-1]))

    assert "Every device is signed out" in page.text
    assert sign_in(Client(), user, ANOTHER).status_code == 200


def test_a_passkey_of_the_thief_no_longer_signs_in_alone(user, browser, post):
    phone = enrol_passkey(user)
    press(browser, link_for(user, Denied.FACTOR))
    asked = post("/api/token/passkey/options/", {}).json()["public_key"]
    answer = post("/api/token/passkey/", {"credential": phone.get(asked)})

    assert answer.json() == problem(401, "passkey_refused")
    assert not AuthSession.objects.exists()
    assert Authenticator.objects.get().type == "webauthn"  # it stays a second step


def test_a_report_keeps_the_owners_passkey_as_second_step(user, browser, another_browser, deliver):
    phone = enrol_passkey(user)
    press(browser, link_for(user))
    form = browser.get(reset_in(deliver()[-1]))["Location"]
    browser.post(form, {"password1": ANOTHER})
    step = sign_in(another_browser, user, ANOTHER)["Location"]
    asked = another_browser.get("/accounts/2fa/passkeys/options/second_step/").json()
    another_browser.post(step, {"credential": json.dumps(phone.get(asked))})

    assert is_signed_in(another_browser)


def test_an_added_factor_is_mailed_with_a_link(signed_in, user, deliver):
    page = signed_in.get("/accounts/2fa/totp/activate/")
    secret = page.context["form"].secret
    signed_in.post("/accounts/2fa/totp/activate/", {"code": app_code(secret)})
    press(Client(), path_in(deliver()[-1]))

    assert not is_signed_in(signed_in)
    assert reports().get().reason == "denied_factor"


def change_email(browser, deliver):
    browser.post("/accounts/email/", {"email": "thief@example.com", "action_add": ""})
    return browser.post("/accounts/confirm-email/", {"code": code_in(deliver()[-1])}, follow=True)


def test_a_changed_email_is_mailed_to_the_former_with_a_link(signed_in, user, deliver):
    former = user.email
    change_email(signed_in, deliver)
    [mail] = [each for each in deliver() if each.to == [former]]
    page = press(Client(), path_in(mail))

    assert not is_signed_in(signed_in)
    assert "write to the people who run this site" in page.text
    assert reports().get().reason == "denied_email"


# The offer after a change (ASVS 7.4.3)


def test_after_a_new_email_the_page_offers_to_end_the_others(signed_in, user, deliver):
    other = Client()
    sign_in(other, user)
    page = change_email(signed_in, deliver)

    assert EmailAddress.objects.get(user=user).email == "thief@example.com"
    assert 'action="/accounts/sessions/revoke-others/"' in page.text
    assert (
        'action="/accounts/sessions/revoke-others/"' not in signed_in.get("/accounts/email/").text
    )
    signed_in.post("/accounts/sessions/revoke-others/")
    assert not is_signed_in(other)


def test_without_another_device_nothing_is_offered(signed_in, user, deliver):
    page = change_email(signed_in, deliver)

    assert "revoke-others" not in page.text


def test_after_a_new_connection_the_page_offers_to_end_the_others(kakao, walk, db, deliver):
    owner = UserFactory(email=MINJI)
    browser, other = Client(), Client()
    sign_in(browser, owner)
    sign_in(other, owner)
    start = browser.post("/accounts/kakao/login/?process=connect")
    page = browser.get(kakao.consent(start["Location"]), follow=True)

    assert 'action="/accounts/sessions/revoke-others/"' in page.text
    [mail] = [each for each in deliver() if "was connected to yours" in each.body]
    press(Client(), path_in(mail))
    assert not SocialAccount.objects.exists()
    assert reports().get().reason == "denied_connection"


# The own pages


def test_a_device_is_reported_on_the_page_of_devices(signed_in, user):
    other = AuthSessionFactory(user=user)
    page = signed_in.get("/accounts/sessions/")
    assert page.text.count('form="not-me"') == 1
    done = signed_in.post(OWN, {"sid": other.pk})

    assert done["Location"] == "/accounts/password/set/"
    other.refresh_from_db()
    assert other.revoked_reason == "denied"
    assert is_signed_in(signed_in)
    assert (reports().get().sid, reports().get().reason) == (other.pk, "denied_sign_in")


def test_after_the_own_report_the_password_must_be_renewed(signed_in, user):
    done = signed_in.post(OWN, {"sid": AuthSessionFactory(user=user).pk})
    signing_in = sign_in(Client(), user)
    page = signed_in.post(done["Location"], {"password1": ANOTHER})

    assert signing_in.status_code == 200  # the form again: the old password is wrong
    assert page["Location"] == "/accounts/"
    assert is_signed_in(signed_in)
    assert sign_in(Client(), user, ANOTHER).status_code == 302


def test_the_own_report_is_mailed_with_a_key(signed_in, user, deliver):
    signed_in.post(OWN, {"sid": AuthSessionFactory(user=user).pk})
    [mail] = [each for each in deliver() if "it wasn't me" in each.body]

    assert mail.to == [user.email]
    assert "In your account, you reported" in mail.body
    assert Client().get(reset_in(mail)).status_code == 302


def test_a_reported_change_of_the_address_mails_no_key(signed_in, user, deliver):
    event = AuditEventFactory(user=user, type="email.changed")
    signed_in.post(OWN, {"event": event.pk})
    [mail] = [each for each in deliver() if "it wasn't me" in each.body]

    assert "/password/reset/key/" not in mail.body


def test_the_own_report_ends_passkeys_that_sign_in_alone(signed_in, user, post):
    other, phone = AuthSessionFactory(user=user), enrol_passkey(user)
    signed_in.post(OWN, {"sid": other.pk})
    asked = post("/api/token/passkey/options/", {}).json()["public_key"]
    answer = post("/api/token/passkey/", {"credential": phone.get(asked)})

    assert answer.json() == problem(401, "passkey_refused")
    assert "Second step only" in signed_in.get("/accounts/2fa/passkeys/").text


def test_an_event_is_reported_on_the_page_of_events(signed_in, user):
    event = AuditEventFactory(user=user, type="social.connected", reason="kakao")
    page = signed_in.get("/accounts/activity/")
    assert page.text.count('form="not-me"') == 1  # not the sign-in of this browser
    assert f'value="{event.pk}"' in page.text
    signed_in.post(OWN, {"event": event.pk})

    assert reports().get().reason == "denied_connection"


def test_a_passkey_reported_on_the_page_of_events_signs_in_no_more(signed_in, user):
    mine, thiefs = enrol_passkey(user), SoftAuthenticator()
    Authenticator.objects.update(created_at=timezone.now() - timedelta(hours=1))
    add_passkey(signed_in, thiefs)
    event = AuditEvent.objects.get(user=user, type="factor.added")
    assert signed_in.post(OWN, {"event": event.pk}).status_code == 302

    assert sign_in_by_passkey(Client(), thiefs).status_code == 400
    assert sign_in_by_passkey(Client(), mine).status_code == 400  # it may be stolen


def test_the_own_report_needs_a_fresh_proof(signed_in, user):
    other = AuthSessionFactory(user=user)
    let_proofs_age()
    asked = signed_in.post(OWN, {"sid": other.pk})
    assert not reports().exists()
    done = send_again(signed_in, confirm_by_password(signed_in, asked))

    assert done["Location"] == "/accounts/password/set/"
    assert reports().count() == 1


def test_without_a_password_the_own_report_leads_to_the_connections(signed_in, user):
    user.set_unusable_password()
    user.save()
    signed_in.force_login(user)
    other = AuthSessionFactory(user=user)

    done = signed_in.post(OWN, {"sid": other.pk})
    assert done["Location"] == "/accounts/3rdparty/"


@pytest.mark.parametrize(
    "form",
    [{}, {"event": "x"}, {"event": "999999"}, {"sid": "x"}, {"sid": "other"}, {"event": "other"}],
)
def test_only_own_rows_can_be_reported(signed_in, user, form):
    stranger = AuthSessionFactory()
    event = AuditEventFactory(user=stranger.user)
    others = {"sid": stranger.pk, "event": event.pk}
    filled = {name: others[name] if value == "other" else value for name, value in form.items()}

    answer = signed_in.post(OWN, filled, follow=True)

    assert answer.redirect_chain == [("/accounts/sessions/", 302)]
    assert "That entry is no longer listed." in answer.text
    assert not reports().exists()
    stranger.refresh_from_db()
    assert stranger.is_active


def test_an_event_of_another_kind_can_not_be_reported(signed_in, user):
    event = AuditEventFactory(user=user, type="session.revoked", reason="logout")

    assert signed_in.post(OWN, {"event": event.pk})["Location"] == "/accounts/sessions/"
    assert not reports().exists()


def test_an_event_that_was_deleted_meanwhile_leads_on(signed_in, user):
    """The page was open for long, and the worker has deleted old events since."""
    event = AuditEventFactory(user=user, type="login.succeeded")
    AuditEvent.objects.filter(pk=event.pk).delete()

    page = signed_in.post(OWN, {"event": event.pk}, follow=True)

    assert page.status_code == 200
    assert "no longer listed" in page.text


@pytest.mark.parametrize("which", ["sid", "event", "operator"])
def test_nobody_reports_the_own_sign_in_or_an_operators_act(signed_in, user, admin_user, which):
    mine = AuthSession.objects.get(user=user).pk
    forms = {
        "sid": {"sid": mine},
        "event": {"event": AuditEvent.objects.get(type="login.succeeded", user=user).pk},
        "operator": {"event": AuditEventFactory(user=user, actor=admin_user).pk},
    }

    page = signed_in.post(OWN, forms[which], follow=True)

    assert "no longer listed" in page.text
    assert not reports().exists()


def test_a_visitor_reports_nothing_on_the_own_pages(browser, db):
    assert browser.post(OWN, {"event": 1})["Location"].startswith("/accounts/login/")


# Languages


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("open", "본인이 아닌가요?"),
        ("done", "모든 기기에서 로그아웃했습니다"),
        ("void", "더 이상 사용할 수 없는 링크입니다"),
    ],
)
def test_the_page_is_in_korean(user, state, text):
    browser = Client(headers={"accept-language": "ko"})
    path = link_for(user) if state != "void" else f"{PAGE}x/"
    page = press(browser, path) if state == "done" else open_link(browser, path)

    assert text in page.text


# What a report cancels


def connected(user, *, provider="kakao", ago=timedelta(0)):
    """Return the event of a new connection, and the connection."""
    row = SocialAccount.objects.create(user=user, provider=provider, uid=f"{provider} {ago}")
    when = timezone.now() - ago
    SocialAccount.objects.filter(pk=row.pk).update(date_joined=when)
    event = AuditEventFactory(user=user, type="social.connected", reason=provider)
    AuditEvent.objects.filter(pk=event.pk).update(created_at=when + timedelta(milliseconds=5))
    return event, row


def test_a_connection_reported_on_the_page_of_events_is_removed(signed_in, user):
    event, _gone = connected(user)
    _, older = connected(user, ago=timedelta(days=3))
    _, other = connected(user, provider="naver")
    signed_in.post(OWN, {"event": event.pk})

    assert list(SocialAccount.objects.filter(user=user)) == [older, other]
    gone = AuditEvent.objects.get(type="social.disconnected")
    assert (gone.user, gone.reason) == (user, "kakao")


def test_a_report_of_an_ended_connection_removes_no_other(signed_in, user):
    event, gone = connected(user)
    _, mine = connected(user, ago=timedelta(days=3))
    gone.delete()
    signed_in.post(OWN, {"event": event.pk})

    assert SocialAccount.objects.get(user=user) == mine


@pytest.mark.parametrize("way", ["event", "sid"])
def test_an_own_report_removes_what_the_sign_in_connected(signed_in, kakao, user, way):
    other = Client()
    sign_in(other, user)
    sid = AuthSession.objects.filter(user=user).latest("created_at").pk
    start = other.post("/accounts/kakao/login/?process=connect")
    other.get(kakao.consent(start["Location"]), follow=True)
    assert SocialAccount.objects.get().user == user
    _, mine = connected(user, provider="google")
    signed_in_event = AuditEvent.objects.get(type="login.succeeded", sid=sid)
    form = {"event": signed_in_event.pk} if way == "event" else {"sid": sid}
    assert signed_in.post(OWN, form).status_code == 302

    assert SocialAccount.objects.get() == mine


def ask_for_reset(user, admin_user):
    enrol(user)
    EmailAddress.objects.get_or_create(
        user=user, email=user.email, defaults={"verified": True, "primary": True}
    )
    return resets.ask(user, reason="they called", actor=admin_user, client=ClientInfo())


def test_the_link_stops_an_operators_reset(user, browser, admin_user, deliver):
    reset = ask_for_reset(user, admin_user)
    press(browser, link_for(user))

    reset.refresh_from_db()
    assert reset.outcome == "stopped"
    assert AuditEvent.objects.get(type="factor_reset.stopped").reason == "by_report"
    assert any("was stopped" in mail.body for mail in deliver())


def test_the_own_report_stops_an_operators_reset(signed_in, user, admin_user):
    reset = ask_for_reset(user, admin_user)
    assert signed_in.post(OWN, {"sid": AuthSessionFactory(user=user).pk}).status_code == 302

    reset.refresh_from_db()
    assert reset.outcome == "stopped"


def delete_account(browser, door):
    if door == "page":
        assert browser.post("/accounts/delete/").status_code == 302
    else:
        answer = browser.delete("/api/me/", {"password": PASSWORD}, content_type="application/json")
        assert answer.status_code == 202


@pytest.mark.parametrize("door", ["page", "api"])
def test_the_report_keeps_an_account_that_the_thief_deleted(thief, user, link, deliver, door):
    delete_account(thief, door)
    press(Client(), link)

    user.refresh_from_db()
    assert user.erase_at is None
    assert AuditEvent.objects.filter(user=user, type="deletion.cancelled").count() == 1
    assert any("So we cancelled its deletion" in mail.body for mail in deliver())


def test_the_report_keeps_a_deletion_that_the_owner_asked_for(thief, user, link):
    owner = Client()
    sign_in(owner, user)
    delete_account(owner, "page")
    press(Client(), link)

    user.refresh_from_db()
    assert user.erase_at is not None


def test_a_report_without_a_sign_in_cancels_a_later_deletion(thief, user):
    path = link_for(user, Denied.PASSWORD)
    delete_account(thief, "page")
    press(Client(), path)

    user.refresh_from_db()
    assert user.erase_at is None


# After a reset without a report


def reset_by_mail(browser, user, deliver):
    """Choose a new password by a mailed link. Returns the page that follows, and the notice."""
    browser.post("/accounts/password/reset/", {"email": user.email})
    form = browser.get(reset_in(deliver()[-1]))["Location"]
    page = browser.post(form, {"password1": ANOTHER}, follow=True)
    return page, deliver()[-1]


def test_after_a_reset_page_and_mail_list_what_can_sign_in(user, browser, deliver):
    enrol(user)
    enrol_passkey(user)
    Authenticator.objects.filter(type="webauthn").update(data=renamed("Phone of a thief"))
    SocialAccount.objects.create(user=user, provider="kakao", uid="4012345678")
    page, mail = reset_by_mail(browser, user, deliver)

    for text in (page.text, mail.body, mail.alternatives[0][0]):
        for entry in ("Phone of a thief", "Authenticator app", "Kakao"):
            assert entry in text
        for path in ("/accounts/2fa/", "/accounts/3rdparty/"):
            assert path in text
    assert "Write to the people who run this site" in page.text
    assert Authenticator.objects.filter(user=user).count() == 3  # nothing is removed silently


def renamed(name):
    return Authenticator.objects.get(type="webauthn").data | {"name": name}


def test_the_list_after_a_reset_is_shown_once(user, browser, deliver):
    enrol(user)
    page, _mail = reset_by_mail(browser, user, deliver)
    again = browser.get(page.request["PATH_INFO"])

    assert "Do you know all of these?" in page.text
    assert "Do you know all of these?" not in again.text
    assert "no-store" in page["Cache-Control"]


def test_a_browser_that_was_signed_in_gets_the_list_too(signed_in, user, deliver):
    SocialAccount.objects.create(user=user, provider="kakao", uid="4012345678")
    page, _mail = reset_by_mail(signed_in, user, deliver)

    assert "Kakao" in page.text
    assert not is_signed_in(signed_in)


def test_without_other_ways_in_a_reset_lists_nothing(user, browser, deliver):
    page, mail = reset_by_mail(browser, user, deliver)

    assert "Do you know all of these?" not in page.text + mail.body
    assert "Do you know all of these?" not in browser.get(page.request["PATH_INFO"]).text


def test_the_done_page_tells_a_stranger_nothing(user, browser, another_browser, deliver):
    enrol(user)
    page, _mail = reset_by_mail(browser, user, deliver)

    assert "Do you know" not in another_browser.get(page.request["PATH_INFO"]).text
