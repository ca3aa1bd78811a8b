"""Use the support panel: who may enter it, and which actions it allows and refuses."""

import html
import re
from contextlib import suppress
from threading import Barrier, BrokenBarrierError
from urllib.parse import urljoin

import pytest
from django.contrib import admin as django_admin
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import URLPattern

from accounts.audit.models import AuditEvent
from accounts.people.models import User
from accounts.signins.models import AuthSession
from accounts.support.rights import UserForm
from tests.kit.chains import sealed
from tests.kit.clients import CHROME, bearer
from tests.kit.factories import PASSWORD, AuditEventFactory, AuthSessionFactory, UserFactory
from tests.kit.proofs import confirm_by_password, let_proofs_age, send_again
from tests.kit.racing import at_once

INLINES = {
    f"{prefix}-{name}": 0
    for prefix in ("emailaddress_set", "socialaccount_set")
    for name in ("TOTAL_FORMS", "INITIAL_FORMS")
}
WHY = "The owner asked on the phone"
MODELS = ["user", "authsession", "auditevent"]


def enter(user):
    """Return a browser in which `user` signed in on the site's own page."""
    browser = Client(headers={"user-agent": CHROME}, raise_request_exception=False)
    response = browser.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    assert response.status_code == 302
    return browser


@pytest.fixture
def admin(db):
    return enter(UserFactory(admin=True))


@pytest.fixture
def support(db):
    """Return a staff member with the rights of the Support group."""
    member = UserFactory(staff=True)
    member.groups.add(Group.objects.get(name="Support"))
    return enter(member)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/admin/", "/admin/accounts/user/", "/admin/login/", "/admin/nothing/"]
)
def test_an_anonymous_visitor_is_sent_to_the_sites_sign_in(client, path):
    response = client.get(path, follow=True)

    assert response.redirect_chain[-1][0].startswith("/accounts/login/?next=")


@pytest.mark.django_db
def test_the_admins_own_login_form_signs_nobody_in(client):
    user = UserFactory(admin=True)

    client.post("/admin/login/", {"username": user.email, "password": PASSWORD})

    assert client.get("/admin/").status_code == 302
    assert not AuthSession.objects.exists()


@pytest.mark.parametrize(
    "path", ["/admin/", "/admin/accounts/user/", "/admin/accounts/auditevent/"]
)
def test_a_visitor_is_refused(signed_in, path):
    response = signed_in.get(path, follow=True)

    assert response.status_code == 403
    assert "No access" in response.text


def test_a_disabled_admin_is_out(admin):
    User.objects.update(is_active=False)

    response = admin.get("/admin/")

    assert response.status_code == 302


@pytest.mark.parametrize("model", MODELS)
def test_an_administrator_reads_every_list(admin, model):
    AuditEventFactory()
    AuthSessionFactory()

    response = admin.get(f"/admin/accounts/{model}/")

    assert response.status_code == 200


@pytest.mark.parametrize("query", ["hana@", "HANA@EXAMPLE", "김하나", "id"])
def test_a_user_is_found_by_email_name_or_id(admin, query):
    found = UserFactory(email="hana@example.com", display_name="김하나")
    UserFactory(email="other@example.com")

    response = admin.get("/admin/accounts/user/", {"q": str(found.pk) if query == "id" else query})

    assert "hana@example.com" in response.text
    assert "other@example.com" not in response.text


def test_support_may_read_users_but_not_change_them(support):
    user = UserFactory(display_name="Before")

    page = support.get(f"/admin/accounts/user/{user.pk}/change/")
    response = support.post(
        f"/admin/accounts/user/{user.pk}/change/",
        {"email": user.email, "display_name": "After", "is_superuser": "on", "is_active": "on"},
    )

    assert page.status_code == 200
    assert response.status_code == 403
    user.refresh_from_db()
    assert (user.display_name, user.is_superuser) == ("Before", False)


@pytest.mark.parametrize(
    "path", ["/admin/accounts/user/add/", "/admin/auth/group/", "/admin/auth/group/add/"]
)
def test_support_may_not_make_users_or_touch_rights(support, path):
    response = support.get(path)

    assert response.status_code == 403


def test_staff_without_rights_sees_nothing(db):
    browser = enter(UserFactory(staff=True))

    answers = [browser.get(f"/admin/accounts/{model}/").status_code for model in MODELS]

    assert answers == [403, 403, 403]


def end(browser, *sessions):
    return browser.post(
        "/admin/accounts/authsession/",
        {"action": "revoke", "reason": WHY, "_selected_action": [each.pk for each in sessions]},
        follow=True,
    )


@pytest.mark.parametrize("who", ["admin", "support"])
def test_the_panel_ends_a_sign_in(request, obtain, user, client, who):
    panel = request.getfixturevalue(who)
    pair = obtain(user)
    session = AuthSession.objects.get(pk=pair["sid"])

    response = end(panel, session)

    assert "1 sign-in was ended." in response.text
    session.refresh_from_db()
    assert session.revoked_reason == "admin"
    event = AuditEvent.objects.get(type="session.revoked")
    assert (event.user, event.sid, event.reason) == (user, session.pk, "admin")
    assert event.actor.is_staff
    assert client.get("/api/me/", headers=bearer(pair["access"])).status_code == 401


def test_ending_ended_sign_ins_reports_zero(admin):
    session = AuthSessionFactory(revoked=True)

    response = end(admin, session)

    assert "0 sign-ins were ended." in response.text


def test_staff_with_view_rights_only_cannot_end_a_sign_in(db):
    member = UserFactory(staff=True)
    member.user_permissions.set(Permission.objects.filter(codename="view_authsession"))
    session = AuthSessionFactory()

    end(enter(member), session)

    session.refresh_from_db()
    assert session.revoked_at is None


@pytest.mark.parametrize("model", ["authsession", "auditevent"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_records_cannot_be_added(admin, model, method):
    response = getattr(admin, method)(f"/admin/accounts/{model}/add/")

    assert response.status_code == 403


@pytest.mark.parametrize("factory", [AuthSessionFactory, AuditEventFactory])
def test_records_cannot_be_changed(admin, factory):
    row = factory()
    model = type(row)
    before = model.objects.filter(pk=row.pk).values().get()

    response = admin.post(
        f"/admin/accounts/{model._meta.model_name}/{row.pk}/change/",
        {"type": "login.failed", "kind": "token", "identifier": "x", "user_agent": "x"},
    )

    assert response.status_code == 403
    assert model.objects.filter(pk=row.pk).values().get() == before


@pytest.mark.parametrize("factory", [AuthSessionFactory, AuditEventFactory])
def test_records_cannot_be_deleted(admin, factory):
    row = factory()
    name = type(row)._meta.model_name

    one = admin.post(f"/admin/accounts/{name}/{row.pk}/delete/", {"post": "yes"})
    many = admin.post(
        f"/admin/accounts/{name}/",
        {"action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes"},
    )

    assert one.status_code == 403
    assert many.status_code in {200, 302, 403}
    assert type(row).objects.filter(pk=row.pk).exists()


def test_deleting_a_user_keeps_the_audit_log(admin):
    event = AuditEventFactory(identifier="gone@example.com", actor=UserFactory())

    event.actor.delete()
    event.user.delete()

    listing = admin.get("/admin/accounts/auditevent/")
    page = admin.get(f"/admin/accounts/auditevent/{event.pk}/change/")
    assert "gone@example.com" in listing.text
    assert page.status_code == 200
    assert "gone@example.com" in page.text


def test_the_audit_log_shows_which_events_are_sealed(admin):
    [event] = sealed(1, identifier="sealed@example.com")

    listing = admin.get("/admin/accounts/auditevent/?q=sealed@example.com")
    page = admin.get(f"/admin/accounts/auditevent/{event.pk}/change/")

    assert 'alt="True"' in listing.text
    assert event.hash in page.text
    assert event.personal["identifier"]["salt"] not in page.text


def test_an_administrator_cannot_set_a_users_password(admin, user):
    before = user.password

    page = admin.get(f"/admin/accounts/user/{user.pk}/password/", follow=True)
    admin.post(
        f"/admin/accounts/user/{user.pk}/password/",
        {"password1": "taken over now", "password2": "taken over now", "usable_password": "true"},
    )
    change = admin.get(f"/admin/accounts/user/{user.pk}/change/")

    assert "password1" not in page.text
    assert user.password not in change.text
    user.refresh_from_db()
    assert user.password == before


def test_no_token_state_is_shown(admin):
    session = AuthSessionFactory(token=True, refresh_jti="a" * 32, previous_refresh_jti="b" * 32)

    response = admin.get(f"/admin/accounts/authsession/{session.pk}/change/")

    assert response.status_code == 200
    assert "a" * 32 not in response.text
    assert "b" * 32 not in response.text


@pytest.mark.parametrize("payload", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'])
def test_markup_is_shown_as_text(admin, payload):
    user = UserFactory(display_name=payload)
    AuthSessionFactory(user=user, user_agent=payload)
    AuditEventFactory(user=user, user_agent=payload, identifier=payload, reason=payload[:32])
    paths = [f"/admin/accounts/{model}/" for model in MODELS]

    pages = [admin.get(path) for path in [*paths, f"/admin/accounts/user/{user.pk}/change/"]]

    for page in pages:
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text


@pytest.mark.parametrize(
    ("model", "limit"), [("user", 12), ("authsession", 12), ("auditevent", 12)]
)
def test_the_query_count_of_a_list_does_not_grow(
    admin, model, limit, django_assert_max_num_queries
):
    AuthSessionFactory.create_batch(30)
    AuditEventFactory.create_batch(30, actor=UserFactory())

    with django_assert_max_num_queries(limit):
        response = admin.get(f"/admin/accounts/{model}/")

    assert response.status_code == 200


def test_an_action_of_another_site_does_nothing(admin):
    session = AuthSessionFactory()
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = admin.cookies

    response = end(strict, session)

    assert response.status_code == 403
    session.refresh_from_db()
    assert session.revoked_at is None


@pytest.mark.slow
def test_every_page_that_the_panel_links_answers(admin, user):
    """Follow every link, from the index on: one value of each filter, no two filters at once."""
    AuditEventFactory(user=user)
    AuthSessionFactory(user=user)
    Group.objects.create(name="Readers")
    seen, kinds, waiting = {}, set(), ["/admin/"]
    while waiting and len(seen) < 200:
        path = waiting.pop()
        kind = re.sub(r"=[^&]*", "", path)
        if kind in kinds:
            continue
        kinds.add(kind)
        response = admin.get(path)
        seen[path] = response.status_code
        if response.status_code == 200:
            links = re.findall(r'href="([^"#]+)"', response.text)
            found = {urljoin(path, html.unescape(link)) for link in links}
            waiting += [link for link in found if link.startswith("/admin/") and "&" not in link]

    assert len(seen) > 20
    assert {path: status for path, status in seen.items() if status not in {200, 302}} == {}


@pytest.mark.slow
def test_every_address_that_the_panel_registers_answers(admin, user):
    keys = {"user": user.pk, "authsession": AuthSessionFactory().pk}
    keys |= {"auditevent": AuditEventFactory().pk, "group": Group.objects.create(name="x").pk}
    answers = {}
    for pattern in django_admin.site.urls[0]:
        for inner in getattr(pattern, "url_patterns", [pattern]):
            route = f"/admin/{pattern.pattern}{inner.pattern if inner is not pattern else ''}"
            model = route.split("/")[3] if route.count("/") > 3 else ""
            path = re.sub(r"<(\w+:)?\w+>", str(keys.get(model, 1)), route)
            if "(?P" not in path:
                answers[path] = admin.get(path).status_code

    assert len(answers) > 15
    assert {path: status for path, status in answers.items() if status >= 500} == {}


@pytest.fixture
def changer(db):
    """Staff who may change users and sign-ins, and are no superuser."""
    member = UserFactory(staff=True)
    rights = ["change_user", "view_user", "change_authsession", "view_authsession"]
    member.user_permissions.set(Permission.objects.filter(codename__in=rights))
    return enter(member)


def test_staff_end_no_sign_in_of_a_superuser(changer):
    theirs = AuthSessionFactory(user=UserFactory(admin=True))
    other = AuthSessionFactory(user=UserFactory())
    rows = {"action": "revoke", "reason": WHY, "_selected_action": [theirs.pk, other.pk]}

    changer.post("/admin/accounts/authsession/", rows)

    theirs.refresh_from_db()
    other.refresh_from_db()
    assert theirs.revoked_at is None
    assert other.revoked_reason == "admin"


def test_staff_change_no_superuser(changer):
    boss = UserFactory(admin=True, display_name="Before")

    response = changer.post(
        f"/admin/accounts/user/{boss.pk}/change/", {"display_name": "After", "is_active": ""}
    )

    boss.refresh_from_db()
    assert response.status_code == 403
    assert (boss.display_name, boss.is_active) == ("Before", True)


def test_a_new_user_has_no_password_and_gets_a_link(admin, deliver):
    form = {"email": "new@example.com", "password1": PASSWORD, "password2": PASSWORD, **INLINES}

    response = admin.post("/admin/accounts/user/add/", form)

    assert response.status_code == 302
    assert not User.objects.get(email="new@example.com").has_usable_password()
    (sent,) = deliver()
    assert sent.to == ["new@example.com"]
    assert "/reset/key/" in sent.body


def test_rights_that_change_leave_an_event_each(admin, user):
    group = Group.objects.create(name="Readers")
    path = f"/admin/accounts/user/{user.pk}/change/"
    form = {"display_name": "", "locale": "", "reason": WHY}

    granted = form | {"is_staff": "on", "is_superuser": "on", "groups": [group.pk]}
    assert admin.post(path, granted).status_code == 302
    assert admin.post(path, granted).status_code == 302
    assert admin.post(path, form).status_code == 302

    events = AuditEvent.objects.filter(type="rights.changed", user=user).order_by("created_at")
    assert [event.reason for event in events] == [
        *("staff_granted", "superuser_granted", "groups_changed"),
        *("staff_withdrawn", "superuser_withdrawn", "groups_changed"),
    ]
    assert {event.actor.is_superuser for event in events} == {True}
    assert {event.note for event in events} == {WHY}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kept", [{"is_staff": "on"}, {"is_superuser": "on"}], ids=str)
def test_of_two_superusers_who_withdraw_each_others_rights_one_stays(monkeypatch, kept):
    pair = [UserFactory(admin=True), UserFactory(admin=True)]
    browsers, both = [enter(each) for each in pair], Barrier(2)
    real = UserForm.clean

    def clean(form):
        """Wait until both forms are checked, if both may be at once."""
        with suppress(BrokenBarrierError):
            both.wait(2)
        return real(form)

    monkeypatch.setattr(UserForm, "clean", clean)
    form = {"display_name": "", "locale": "", "reason": WHY} | kept

    def work(number):
        path = f"/admin/accounts/user/{pair[1 - number].pk}/change/"
        return browsers[number].post(path, form).status_code

    answers = at_once(2, work)

    whole = User.objects.filter(is_staff=True, is_superuser=True, is_active=True)
    assert whole.count() == 1, answers
    assert AuditEvent.objects.filter(type="rights.changed").count() == 1


# A fresh proof before a change


def paths_of_the_admin(user, session, event):
    """Return every address of the admin except the sign-in and the sign-out."""
    named = {"user": user, "authsession": session, "auditevent": event, "group": user}
    for route in django_admin.site.get_urls():
        found = [route] if isinstance(route, URLPattern) else route.url_patterns
        for each in found:
            prefix = "" if route is each else str(route.pattern)
            path = f"{prefix}{each.pattern}"
            model = prefix.rstrip("/").rpartition("/")[2]
            if model in named:
                path = path.replace("<path:object_id>", str(named[model].pk))
            if path in {"login/", "logout/"} or "(?P" in path or "<" in path:
                continue
            yield f"/admin/{path}"


@pytest.mark.slow
def test_every_change_in_the_admin_needs_a_fresh_proof(admin, db):
    user, session, event = UserFactory(), AuthSessionFactory(), AuditEventFactory()
    paths = list(paths_of_the_admin(user, session, event))
    let_proofs_age()

    for path in paths:
        answer = admin.post(path, {"_selected_action": [str(user.pk)]})
        if answer.status_code != 405:  # an address that changes nothing
            assert answer["Location"].startswith("/accounts/reauthenticate/?next="), path
    assert f"/admin/accounts/user/{user.pk}/change/" in paths
    assert "/admin/accounts/authsession/" in paths


def test_reading_in_the_admin_needs_no_fresh_proof(admin):
    let_proofs_age()

    assert admin.get("/admin/accounts/user/").status_code == 200


def test_an_action_goes_on_after_the_proof(admin):
    ended = AuthSessionFactory.create_batch(2)
    let_proofs_age()
    asked = admin.post(
        "/admin/accounts/authsession/",
        {"action": "revoke", "reason": WHY, "_selected_action": [each.pk for each in ended]},
    )
    before = AuthSession.objects.filter(revoked_at=None).count()

    done = send_again(admin, confirm_by_password(admin, asked))

    assert before == 3
    assert done["Location"] == "/admin/accounts/authsession/"
    assert (
        AuthSession.objects.filter(pk__in=[each.pk for each in ended], revoked_at=None).count() == 0
    )


@pytest.mark.parametrize("reason", ["", "  ", "\u200b", "x" * 201])
def test_an_action_on_rows_without_a_reason_does_nothing(admin, reason):
    session = AuthSessionFactory()

    answer = admin.post(
        "/admin/accounts/authsession/",
        {"action": "revoke", "reason": reason, "_selected_action": [session.pk]},
        follow=True,
    )

    session.refresh_from_db()
    assert session.revoked_at is None
    assert "Write the reason" in answer.text


def test_signing_out_of_the_admin_needs_no_proof(admin):
    let_proofs_age()

    admin.post("/admin/logout/")

    assert admin.get("/admin/")["Location"].startswith("/admin/login/")
