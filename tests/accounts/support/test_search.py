"""Search the panel: what is found by what, whose rights count, and what garbage does."""

import re
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.support import search, search_page
from tests.kit.clients import CHROME, open_browser, sign_in
from tests.kit.factories import AuditEventFactory, AuthSessionFactory, UserFactory

pytestmark = pytest.mark.django_db

PAGE = "/admin/search/"
RIGHTS = {"user": "Users", "authsession": "Sign-ins", "auditevent": "Audit events"}


def enter(*, rights=None):
    browser = Client(headers={"user-agent": CHROME})
    user = UserFactory(
        email="operator@panel.example", staff=True, is_superuser=rights is None, display_name="운영"
    )
    user.user_permissions.set(Permission.objects.filter(codename__in=rights or []))
    open_browser(browser, user)
    return browser


@pytest.fixture
def admin():
    return enter()


def group(page, title):
    """Return the rows of one group, as text."""
    [found] = re.findall(rf"<h2[^>]*>{title}</h2>(.*?)</section>", page.text, re.DOTALL)
    rows = re.findall(r"<tr role=\"row\"><th scope=\"row\"[^>]*>.*?</tr>", found, re.DOTALL)
    return [" ".join(re.sub("<[^>]*>", " ", row).split()) for row in rows]


@pytest.mark.parametrize("text", ["ina.ki", "MINA.KIM@", "김미", "미나", " mina.kim "])
def test_a_part_of_an_email_or_name_finds_a_user(admin, text):
    UserFactory(email="mina.kim@example.com", display_name="김미나")
    UserFactory(email="other@example.com")

    found = group(admin.get(PAGE, {"q": text}), "Users")

    # Two characters are searched at the beginning only.
    assert len(found) == (0 if text == "미나" else 1)


@pytest.mark.parametrize("text", ["mina.kim@example.com", "MINA.KIM@EXAMPLE.COM", "id", "hex"])
def test_a_whole_email_or_id_leads_to_the_user(admin, text):
    user = UserFactory(email="mina.kim@example.com")
    UserFactory(email="mina.kim@example.com.au")
    text = {"id": str(user.pk), "hex": user.pk.hex}.get(text, text)

    response = admin.get(PAGE, {"q": text})

    assert response.status_code == 302
    assert response.url == reverse("admin:accounts_user_change", args=[user.pk])


def test_a_sid_leads_to_the_sign_in(admin):
    session = AuthSessionFactory()

    response = admin.get(PAGE, {"q": str(session.pk)})

    assert response.url == reverse("admin:accounts_authsession_change", args=[session.pk])


def test_the_sid_of_a_deleted_sign_in_finds_its_events(admin):
    event = AuditEventFactory(sid=uuid4(), identifier="gone@example.com")

    found = group(admin.get(PAGE, {"q": str(event.sid)}), "Audit events")

    assert len(found) == 1
    assert "gone@example.com" in found[0]


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7", "::ffff:192.0.2.7"),
        ("2001:db8::7", "2001:0DB8:0:0::7"),
    ],
)
def test_an_ip_address_finds_sign_ins_and_events(admin, stored, text):
    AuthSessionFactory(ip=stored, user=UserFactory(email="mina@example.com"))
    AuditEventFactory(ip=stored, identifier="mina@example.com")
    AuditEventFactory(ip="192.0.2.77", identifier="other@example.com")

    page = admin.get(PAGE, {"q": text})

    assert len(group(page, "Sign-ins")) == len(group(page, "Audit events")) == 1
    assert "other@example.com" not in page.text


def test_a_request_id_finds_the_event_of_a_failed_sign_in(admin):
    """The visitor reads the id on the error page, or an operator in the log."""
    failed = Client(headers={"user-agent": CHROME, "x-request-id": "support-4711"})
    sign_in(failed, UserFactory(email="mina@example.com"), "wrong password")

    found = group(admin.get(PAGE, {"q": "support-4711"}), "Audit events")

    assert len(found) == 1
    assert "Sign-in failed Wrong password mina@example.com" in found[0]


def test_two_clicks_show_why_somebody_could_not_sign_in(admin):
    """A click on Search and one on the user's name: the results already have the reason."""
    user = UserFactory(email="mina.kim@example.com", disabled=True)
    sign_in(Client(headers={"user-agent": CHROME}), user)

    page = admin.get(PAGE, {"q": "mina.kim"})

    assert "Disabled" in group(page, "Users")[0]
    assert "Account disabled" in group(page, "Audit events")[0]
    assert f'href="/admin/accounts/user/{user.pk}/change/"' in page.text


@pytest.mark.parametrize("text", ["Typo@example.com", "typo@exa", "TYPO"])
def test_a_typed_email_without_account_is_found(admin, text):
    sign_in(Client(headers={"user-agent": CHROME}), UserFactory.build(email="Typo@example.com"))

    found = group(admin.get(PAGE, {"q": text}), "Audit events")

    assert "No such account" in found[0]


def test_each_group_shows_twenty_and_a_link_to_all(admin):
    users = [UserFactory(email=f"many{number}@example.com") for number in range(21)]
    for user in users[:20]:
        AuditEventFactory(user=user, identifier=user.email)

    page = admin.get(PAGE, {"q": "many"})

    assert len(group(page, "Users")) == len(group(page, "Audit events")) == 20
    assert page.text.count('<a href="/admin/accounts/user/?q=many">More') == 1
    assert "/admin/accounts/auditevent/?q=many" not in page.text
    assert admin.get("/admin/accounts/user/?q=many").text.count('class="action-select"') == 21


@pytest.mark.parametrize("allowed", RIGHTS)
def test_a_group_needs_the_right_to_view_it(allowed):
    session = AuthSessionFactory(user=UserFactory(email="mina@example.com"))
    AuditEventFactory(user=session.user, identifier="mina@example.com")
    browser = enter(rights=[f"view_{allowed}"])

    pages = [browser.get(PAGE, {"q": text}) for text in ("mina", str(session.pk))]

    for name, title in RIGHTS.items():
        assert (f">{title}</h2>" in pages[0].text) is (name == allowed)
    assert pages[1].status_code == (302 if allowed == "authsession" else 200)


@pytest.mark.parametrize("text", ["mina@example.com", "id"])
def test_without_the_right_nothing_leads_to_a_user(text):
    user = UserFactory(email="mina@example.com")
    browser = enter(rights=["view_auditevent"])

    response = browser.get(PAGE, {"q": str(user.pk) if text == "id" else text})

    assert response.status_code == 200
    assert str(user.pk) not in response.text.replace(f'value="{user.pk}"', "")


def test_staff_without_rights_may_not_search():
    browser = enter(rights=[])

    assert browser.get(PAGE, {"q": "mina"}).status_code == 403
    assert "panel-search" not in browser.get("/admin/").text


def test_a_visitor_may_not_search(client, signed_in):
    assert client.get(PAGE, {"q": "mina"}).status_code == 302
    assert signed_in.get(PAGE, {"q": "mina"}, follow=True).status_code == 403


@pytest.mark.parametrize("path", ["/admin/", "/admin/accounts/user/", PAGE])
def test_the_search_box_is_on_every_page(admin, path):
    assert '<form id="panel-search" action="/admin/search/" role="search"' in admin.get(path).text


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "\x00", "%", "_", "\\", "'", '"', "<script>alert(1)</script>", "a" * 11_000),
        *(
            "999.999.999.999",
            "::",
            "fe80::1%eth0",
            "1e400",
            "😀",
            "@",
            "a@b@c",
            "{" + "0" * 32 + "}",
        ),
        *("192.0.2.0/24", "urn:uuid:" + "0" * 32, "٣٣٣"),
    ],
)
def test_garbage_is_searched_for_or_ignored(admin, text):
    pages = [
        admin.get(path, {"q": text})
        for path in (PAGE, *(f"/admin/accounts/{name}/" for name in RIGHTS))
    ]

    assert [page.status_code for page in pages] == [200] * 4
    assert "<script>alert" not in "".join(page.text for page in pages)


def test_wildcards_are_plain_characters(admin):
    UserFactory(email="a_b@example.com")
    UserFactory(email="axb@example.com")

    assert len(group(admin.get(PAGE, {"q": "a_b@"}), "Users")) == 1


def test_only_reading_is_allowed(admin):
    assert admin.post(PAGE, {"q": "mina"}).status_code == 405


def test_a_search_takes_one_statement_for_each_group(admin, django_assert_num_queries):
    def fill(number):
        for _ in range(number):
            session = AuthSessionFactory(user__email=f"mina{uuid4().hex[:8]}@example.com")
            AuditEventFactory(user=session.user, identifier=session.user.email)

    fill(2)
    with django_assert_num_queries(8):
        admin.get(PAGE, {"q": "mina"})
    fill(20)
    with django_assert_num_queries(8):
        admin.get(PAGE, {"q": "mina"})


def test_nothing_found_is_said_in_korean(admin):
    page = admin.get(PAGE, {"q": "nobody"}, headers={"accept-language": "ko"})

    assert page.text.count("검색 결과가 없습니다.") == 3
    assert not re.search(r"\sstyle=|<style|\son\w+=|<script(?![^>]*\ssrc=)", page.text)


def test_every_group_is_a_registered_list():
    for each in search_page.GROUPS:
        assert each.admin.get_changelist(None).is_keyset


@pytest.mark.parametrize(
    ("text", "expected"),
    [("192.0.2.7", "192.0.2.7"), ("::ffff:192.0.2.7", "192.0.2.7"), ("2001:DB8::1", "2001:db8::1")]
    + [(text, None) for text in ("", "192.0.2", "kim", "1")],
)
def test_an_ip_address_is_compared_as_it_is_stored(text, expected):
    assert search.ip_of(text) == expected


def test_a_uuid_is_recognised():
    key = uuid4()

    assert search.uuid_of(str(key)) == search.uuid_of(key.hex) == key
    assert search.uuid_of("kim") is None
    assert isinstance(search.uuid_of(str(key)), UUID)
