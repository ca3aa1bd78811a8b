"""Sign up, in and out in a browser, and change the password, the address and the devices."""

import re
import time

import pytest
import time_machine
from django.test import Client
from django_redis import get_redis_connection

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.client_info import ClientInfo
from accounts.mail import notices
from accounts.outbox.models import Job
from accounts.people.models import User
from accounts.signins.models import AuthSession
from tests.kit import stored_sessions
from tests.kit.clients import CHROME, bearer, is_signed_in, sign_in
from tests.kit.factories import PASSWORD, AuthSessionFactory, UserFactory
from tests.kit.mails import code_in, link_in
from tests.kit.places import write
from tests.kit.proofs import let_proofs_age

NEW = {"email": " New@Example.com ", "password1": "a few unrelated words"}
NEW_PASSWORD = "a wholly new passphrase"


def events(**filters):
    return list(AuditEvent.objects.filter(**filters).order_by("id").values_list("type", flat=True))


def test_sign_up_asks_for_the_code_from_the_mail(browser, deliver):
    asked = browser.post("/accounts/signup/", NEW)
    assert asked["Location"] == "/accounts/confirm-email/"
    assert not is_signed_in(browser)
    assert not AuthSession.objects.exists()
    mail = deliver()[0]
    assert mail.to == ["new@example.com"]

    done = browser.post("/accounts/confirm-email/", {"code": code_in(mail)})

    assert done.status_code == 302
    assert is_signed_in(browser)
    assert User.objects.get().email == "new@example.com"
    assert AuthSession.objects.get().kind == "browser"
    assert set(events()) == {
        "user.signed_up",
        "email.verified",
        "login.succeeded",
    }


@pytest.mark.parametrize("manner", ["lower case", "no hyphen", "padded"])
def test_the_code_works_in_lower_case_unhyphenated_or_padded(browser, deliver, manner):
    browser.post("/accounts/signup/", NEW)
    code = code_in(deliver()[0])
    typed = {"lower case": code.lower(), "no hyphen": code.replace("-", ""), "padded": f" {code} "}

    browser.post("/accounts/confirm-email/", {"code": typed[manner]})

    assert is_signed_in(browser)


def test_five_wrong_codes_end_a_code_but_not_the_sign_up(browser, deliver):
    browser.post("/accounts/signup/", NEW)
    code = code_in(deliver()[0])
    pages = [browser.post("/accounts/confirm-email/", {"code": "0000-0000"}) for _ in range(5)]

    late = browser.post("/accounts/confirm-email/", {"code": code})

    assert [page.status_code for page in pages] == [200] * 5
    assert "You have 4 tries left" in pages[0].text
    assert "have a new code sent" in pages[4].text
    assert "Too many wrong tries" in late.text
    assert not is_signed_in(browser)
    assert not AuthSession.objects.exists()

    with time_machine.travel(time.time() + 11):
        browser.post("/accounts/confirm-email/", {"action": "resend"})
        browser.post("/accounts/confirm-email/", {"code": code_in(deliver()[-1])})
    assert is_signed_in(browser)


def test_a_code_does_not_work_in_another_browser(browser, another_browser, deliver):
    browser.post("/accounts/signup/", NEW)
    code = code_in(deliver()[0])

    another_browser.post("/accounts/confirm-email/", {"code": code})

    assert not is_signed_in(another_browser)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "no address"),
        ("email", ""),
        ("password1", "short"),
        ("password1", "p" * 129),
        ("password1", "12345678901"),
        ("password1", "password123"),
        ("password1", "new@example.com"),
        ("password1", ""),
    ],
)
def test_a_bad_sign_up_shows_the_error(browser, db, field, value):
    response = browser.post("/accounts/signup/", NEW | {field: value})

    assert response.status_code == 200
    assert response.context["form"].errors
    assert not User.objects.exists()
    assert not Job.objects.filter(kind="mail").exists()


def test_sign_up_with_a_taken_address_looks_the_same_and_mails_its_owner(browser, user, deliver):
    response = browser.post("/accounts/signup/", NEW | {"email": user.email.upper()})

    assert response["Location"] == "/accounts/confirm-email/"
    assert User.objects.count() == 1
    mails = deliver()
    assert [mail.to for mail in mails] == [[user.email]]
    assert not re.search(r"\b\d{4}-\d{4}\b", mails[0].body)


def test_signing_in_opens_a_sign_in_and_redirects_home(browser, user):
    response = sign_in(browser, user)

    assert response["Location"] == "/accounts/"
    session = AuthSession.objects.get()
    assert (session.user, session.kind, session.ip, session.amr) == (
        user,
        "browser",
        "127.0.0.1",
        ["pwd"],
    )
    assert session.device == "Chrome · Windows"
    assert events() == ["login.succeeded"]


@pytest.mark.parametrize("case", ["wrong", "unknown", "disabled", "disabled, right password"])
def test_every_wrong_sign_in_shows_the_same_page(browser, user, case):
    disabled = UserFactory(disabled=True).email
    login, password = {
        "wrong": (user.email, "not the password"),
        "unknown": ("nobody@example.com", PASSWORD),
        "disabled": (disabled, "not the password"),
        "disabled, right password": (disabled, PASSWORD),
    }[case]

    response = browser.post("/accounts/login/", {"login": login, "password": password})

    assert response.status_code == 200
    assert response.context["form"].errors == {"__all__": ["The email or the password is wrong."]}
    assert password not in response.text
    assert not is_signed_in(browser)


def test_an_unverified_visitor_is_asked_for_a_code(browser, db, deliver):
    user = UserFactory(verified=False)

    response = sign_in(browser, user)

    assert response["Location"] == "/accounts/confirm-email/"
    assert not is_signed_in(browser)
    browser.post("/accounts/confirm-email/", {"code": code_in(deliver()[0])})
    assert is_signed_in(browser)


def test_a_user_disabled_while_entering_the_code_is_not_signed_in(browser, deliver):
    browser.raise_request_exception = False
    browser.post("/accounts/signup/", NEW)
    code = code_in(deliver()[0])
    User.objects.update(is_active=False)

    response = browser.post("/accounts/confirm-email/", {"code": code})

    assert response.status_code in {200, 302}
    assert not is_signed_in(browser)


def test_remembering_sets_a_cookie_that_lasts_as_long_as_the_sign_in(browser, user):
    response = sign_in(browser, user, remember="on")

    assert response.cookies["session"]["max-age"] == 90 * 86400


def test_not_remembering_sets_a_cookie_that_ends_with_the_browser(browser, user):
    response = sign_in(browser, user)

    assert response.cookies["session"]["max-age"] == ""
    assert response.cookies["session"]["expires"] == ""


def test_a_visitor_who_never_signed_in_gets_no_lasting_cookie(browser, db):
    response = browser.post("/accounts/signup/", NEW)

    assert response.cookies["session"]["max-age"] == ""


def test_the_session_id_changes_at_sign_in(browser, db, deliver):
    browser.post("/accounts/signup/", NEW)
    before = browser.cookies["session"].value

    browser.post("/accounts/confirm-email/", {"code": code_in(deliver()[0])})

    assert browser.cookies["session"].value != before
    thief = Client()
    thief.cookies["session"] = before
    assert not is_signed_in(thief)


@pytest.mark.django_db(transaction=True)
def test_signing_out_removes_the_session_and_the_cookie(browser, user):
    sign_in(browser, user)
    cookie = browser.cookies["session"].value

    response = browser.post("/accounts/logout/")

    assert response["Location"] == "/accounts/login/"
    assert browser.cookies["session"].value != cookie
    thief = Client()
    thief.cookies["session"] = cookie
    assert not is_signed_in(thief)
    assert AuthSession.objects.get().revoked_reason == "logout"
    redis = get_redis_connection("sessions")
    left = [stored_sessions.opened(redis, name)["d"] for name in stored_sessions.names(redis)]
    assert not [entries for entries in left if "_auth_user_id" in entries]


def test_a_get_request_does_not_sign_out(signed_in):
    response = signed_in.get("/accounts/logout/")

    assert response.status_code == 200
    assert is_signed_in(signed_in)


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/logout/",
        "/accounts/sessions/revoke-others/",
        "/accounts/profile/",
        "/accounts/password/change/",
    ],
)
def test_a_form_of_another_site_changes_nothing(signed_in, path):
    strict = Client(
        enforce_csrf_checks=True, headers={"user-agent": CHROME, "origin": "https://evil.example"}
    )
    strict.cookies = signed_in.cookies

    response = strict.post(path)

    assert response.status_code == 403
    assert "This form has expired" in response.text
    assert is_signed_in(signed_in)


def test_a_password_change_ends_all_sign_ins_but_this_one(
    signed_in, another_browser, obtain, user, deliver, client
):
    sign_in(another_browser, user)
    pair = obtain(user)
    before = signed_in.cookies["session"].value

    response = signed_in.post(
        "/accounts/password/change/",
        {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD},
    )

    assert response.status_code == 302
    assert is_signed_in(signed_in)
    assert not is_signed_in(another_browser)
    assert client.get("/api/me/", headers=bearer(pair["access"])).status_code == 401
    assert signed_in.cookies["session"].value != before
    assert AuthSession.objects.active().count() == 1
    assert events(type="password.changed") == ["password.changed"]
    assert user.email in deliver()[0].to


def test_a_password_change_needs_the_old_password(signed_in, user):
    response = signed_in.post(
        "/accounts/password/change/",
        {"oldpassword": "wrong", "password1": NEW_PASSWORD, "password2": NEW_PASSWORD},
    )

    assert response.status_code == 200
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


def reset_link(browser, user, deliver):
    browser.post("/accounts/password/reset/", {"email": user.email})
    return link_in(deliver()[-1])


def test_asking_for_a_reset_changes_nothing(signed_in, another_browser, user):
    before = User.objects.filter(pk=user.pk).values().get()

    another_browser.post("/accounts/password/reset/", {"email": user.email})

    assert User.objects.filter(pk=user.pk).values().get() == before
    assert is_signed_in(signed_in)


def test_a_reset_ends_every_sign_in_and_signs_nobody_in(
    signed_in, another_browser, obtain, user, deliver, client
):
    pair = obtain(user)
    page = another_browser.get(reset_link(another_browser, user, deliver), follow=True)
    form = page.redirect_chain[-1][0]

    another_browser.post(form, {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})

    assert not is_signed_in(another_browser)
    assert not is_signed_in(signed_in)
    assert client.get("/api/me/", headers=bearer(pair["access"])).status_code == 401
    assert not AuthSession.objects.active().exists()
    assert events(type="password.reset") == ["password.reset"]
    assert sign_in(another_browser, user, NEW_PASSWORD).status_code == 302


@pytest.mark.parametrize(
    "name",
    [
        *("", "sessions/", "activity/", "profile/", "email/", "3rdparty/", "password/change/"),
        *("reauthenticate/", "reauthenticate/code/", "delete/"),
    ],
)
def test_every_signed_in_page_offers_to_sign_out(signed_in, name):
    page = signed_in.get(f"/accounts/{name}")

    assert page.status_code == 200
    assert re.search(r'<form [^>]*method="post" action="/accounts/logout/"', page.text)


@pytest.mark.parametrize(
    ("path", "filled"),
    [
        ("/accounts/login/", {"password": "current-password"}),
        ("/accounts/signup/", {"password1": "new-password"}),
        ("/accounts/reauthenticate/", {"password": "current-password"}),
        (
            "/accounts/password/change/",
            {"oldpassword": "current-password", "password1": "new-password"},
        ),
    ],
)
def test_password_fields_are_masked_and_for_password_managers(browser, user, path, filled):
    if path not in {"/accounts/login/", "/accounts/signup/"}:
        sign_in(browser, user)

    page = browser.get(path).text

    for name, purpose in filled.items():
        (field,) = re.findall(rf'<input[^>]*name="{name}"[^>]*>', page)
        assert 'type="password"' in field
        assert f'autocomplete="{purpose}"' in field
        assert "onpaste" not in field


def test_a_reset_link_works_once(browser, user, deliver):
    link = reset_link(browser, user, deliver)
    form = browser.get(link, follow=True).redirect_chain[-1][0]
    browser.post(form, {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})

    again = Client().get(link, follow=True)

    assert "password1" not in again.text


@pytest.mark.parametrize(
    "key",
    [
        "x-y",
        "0-set-password",
        "zzzzzzzzzzzzz-abc",
        "1-" + "a" * 500,
        "00000000000040008000000000000000-x",
    ],
)
def test_an_invented_reset_link_shows_a_page(client, db, key):
    response = client.get(f"/accounts/password/reset/key/{key}/")

    # The address after the redirect needs the cookie that the link has set.
    assert response.status_code == (403 if key.endswith("-set-password") else 200)
    assert "password1" not in response.text


def test_a_reset_for_an_unknown_address_looks_the_same(browser, another_browser, user, deliver):
    known = browser.post("/accounts/password/reset/", {"email": user.email})

    unknown = another_browser.post("/accounts/password/reset/", {"email": "nobody@example.com"})

    assert (unknown.status_code, unknown["Location"]) == (known.status_code, known["Location"])


def test_a_reset_page_sends_its_key_to_no_other_site(browser, user, deliver):
    link = reset_link(browser, user, deliver)

    response = browser.get(link)

    assert response["Referrer-Policy"] in {"same-origin", "no-referrer"}
    assert response.status_code == 302 or "no-store" in response["Cache-Control"]


def test_a_foreign_host_cannot_poison_the_reset_mail(user, deliver):
    poisoned = Client().post(
        "/accounts/password/reset/", {"email": user.email}, headers={"host": "evil.example"}
    )
    forwarded = Client().post(
        "/accounts/password/reset/",
        {"email": user.email},
        headers={"x-forwarded-host": "evil.example", "forwarded": "host=evil.example"},
    )

    assert poisoned.status_code == 400
    assert poisoned["Content-Type"] == "text/html; charset=utf-8"
    assert forwarded.status_code == 302
    assert [link_in(mail).split("/")[2] for mail in deliver()] == ["testserver"]


def test_a_reset_is_limited_per_address_and_does_not_lock_the_account(user, deliver):
    for number in range(7):
        Client().post(
            "/accounts/password/reset/", {"email": user.email}, REMOTE_ADDR=f"192.0.2.{number}"
        )

    mails = deliver()

    assert len(mails) == 5
    assert sign_in(Client(), user).status_code == 302


def test_an_address_does_not_change_without_the_password(signed_in, user, deliver):
    let_proofs_age()

    response = signed_in.post("/accounts/email/", {"action_add": "", "email": "New@example.com"})

    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/reauthenticate/")
    assert [mail for mail in deliver() if mail.to == ["new@example.com"]] == []


def test_an_address_changes_once_the_code_sent_to_it_is_entered(signed_in, user, deliver):
    signed_in.post("/accounts/reauthenticate/", {"password": PASSWORD})
    signed_in.post("/accounts/email/", {"action_add": "", "email": "New@example.com"})
    user.refresh_from_db()
    assert user.email != "new@example.com"
    mail = next(mail for mail in deliver() if mail.to == ["new@example.com"])

    signed_in.post("/accounts/confirm-email/", {"code": code_in(mail)})

    user.refresh_from_db()
    assert user.email == "new@example.com"
    assert is_signed_in(signed_in)
    assert "email.changed" in events(user=user)


@pytest.mark.parametrize("is_known", [False, True])
def test_the_page_of_the_email_leads_back_to_the_code_page(signed_in, user, is_known):
    email = UserFactory().email if is_known else "new@example.com"
    link = '<a class="button quiet minor" href="/accounts/confirm-email/">Enter the code</a>'
    signed_in.post("/accounts/reauthenticate/", {"password": PASSWORD})
    before = signed_in.get("/accounts/email/").text
    signed_in.post("/accounts/email/", {"action_add": "", "email": email})

    page = signed_in.get("/accounts/email/").text

    assert link not in before
    assert link in page
    assert f'<span class="row-value">{email}</span>' in page
    assert email in signed_in.get("/accounts/confirm-email/").text
    with time_machine.travel(time.time() + 601):
        assert link not in signed_in.get("/accounts/email/").text


def test_the_link_to_the_code_page_is_gone_after_the_code(signed_in, user, deliver):
    signed_in.post("/accounts/reauthenticate/", {"password": PASSWORD})
    signed_in.post("/accounts/email/", {"action_add": "", "email": "new@example.com"})
    mail = next(mail for mail in deliver() if mail.to == ["new@example.com"])
    signed_in.post("/accounts/confirm-email/", {"code": code_in(mail)})

    assert "Enter the code" not in signed_in.get("/accounts/email/").text


def test_an_address_of_another_account_cannot_be_taken(signed_in, user, deliver):
    other = UserFactory()
    signed_in.post("/accounts/reauthenticate/", {"password": PASSWORD})
    signed_in.post("/accounts/email/", {"action_add": "", "email": other.email.upper()})
    codes = [code_in(mail) for mail in deliver() if mail.to == [other.email]]

    for code in codes:
        signed_in.post("/accounts/confirm-email/", {"code": code})

    user.refresh_from_db()
    assert user.email != other.email
    assert User.objects.filter(email=other.email).count() == 1


def test_pages_and_mails_name_the_place_of_an_address(signed_in, user, settings, tmp_path, deliver):
    settings.GEOIP_FILE = str(write(tmp_path / "cities.mmdb"))
    AuthSessionFactory(user=user, ip="192.0.2.7")
    client = ClientInfo(ip="192.0.2.7")
    trail.record(AuditEvent.Type.PASSWORD_CHANGED, user=user, client=client)
    notices.name_changed(user, by_administrator=False, client=client)

    pages = [signed_in.get(f"/accounts/{page}/").text for page in ("sessions", "activity")]

    assert ["Seoul, South Korea" in page for page in pages] == [True, True]
    assert "192.0.2.7 (Seoul, South Korea)" in deliver()[-1].body


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example",
        "//evil.example",
        "///evil.example",
        "////evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "https:evil.example",
        "https:/evil.example",
        "https:///evil.example",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        " //evil.example",
        "\x00//evil.example",
        "http://testserver@evil.example",
        "http://testserver.evil.example",
        "ftp://testserver/",
        "https://evil.example\\@testserver/",
    ],
)
@pytest.mark.parametrize(
    "path", ["/accounts/login/", "/accounts/logout/", "/i18n/setlang/", "/accounts/signup/"]
)
def test_the_next_parameter_never_leads_to_another_site(browser, user, path, target):
    if path == "/accounts/logout/":
        sign_in(browser, user)
    body = {"login": user.email, "password": PASSWORD, "next": target, "language": "ko"} | NEW

    response = browser.post(path, body)

    assert response.status_code in {200, 204, 302}
    where = response.get("Location", "/")
    assert re.match(r"/(?![/\\\s])|/$", where), where


@pytest.mark.parametrize(
    "target", ["abc", "%00", "?a=1", "#a", "../", "//", " /accounts/profile/", "\t/x", "http://"]
)
@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/logout/", "/i18n/setlang/"])
def test_an_odd_next_parameter_leads_to_the_usual_page(browser, user, path, target):
    """A browser completes such an address by the page that it is on: the answer was a 404."""
    if path == "/accounts/logout/":
        sign_in(browser, user)
    body = {"login": user.email, "password": PASSWORD, "next": target, "language": "ko"}

    answer = browser.post(path, body, headers={"referer": "http://testserver/accounts/"})

    assert answer.status_code == 302
    assert answer["Location"] in {"/accounts/", "/accounts/login/", "http://testserver/accounts/"}


def test_disabling_an_account_ends_both_kinds_of_sign_in(signed_in, obtain, user, client):
    pair = obtain(user)
    user.is_active = False

    user.save()

    assert not is_signed_in(signed_in)
    assert client.get("/api/me/", headers=bearer(pair["access"])).status_code == 401
    assert {row.revoked_reason for row in AuthSession.objects.all()} == {"deactivated"}
    assert AuditEvent.objects.filter(reason="deactivated").count() == 2


@pytest.mark.parametrize(
    "payload", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7|add:7 }}"]
)
def test_markup_in_names_and_user_agents_is_shown_as_text(user, payload):
    User.objects.filter(pk=user.pk).update(display_name=payload)
    browser = Client(headers={"user-agent": payload})
    sign_in(browser, user)
    paths = [
        "/accounts/",
        "/accounts/sessions/",
        "/accounts/activity/",
        "/accounts/profile/",
        "/accounts/email/",
    ]

    pages = {path: browser.get(path) for path in paths}

    for path, page in pages.items():
        assert page.status_code == 200, path
        assert "<script>alert" not in page.text, path
        assert "<img src=x" not in page.text, path
