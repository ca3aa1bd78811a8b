"""Sign in by Google, Kakao and Naver from the login page, through their stand-ins."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.kit.demo_site import Site
from tests.kit.visitors import code_for

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    ("provider", "identity"), [("google", "Alex Morgan"), ("kakao", "민지"), ("naver", "최지우")]
)
def test_a_visitor_signs_in_through_a_provider(
    page: Page, site: Site, provider: str, identity: str
):
    """Use another person for each provider. Persons with the same address would be asked to link."""
    page.goto(f"{site.url}/accounts/login/")
    page.locator(f"form[action*='/{provider}/login/'] button").first.click()
    # The consent page has its own origin, and its first identity is already chosen.
    expect(page).not_to_have_url(re.compile(re.escape(site.url)))
    page.get_by_text(identity, exact=False).first.click()
    page.locator("[name=choice][value=continue]").click()
    if provider == "naver":  # it verifies no address, so the site mails a code
        page.fill("[name=code]", code_for("jiwoo.choi@example.com", page, site))
        page.locator("form:has([name=code]) .actions button").first.click()

    expect(page).to_have_url(f"{site.url}/accounts/")
    page.goto(f"{site.url}/accounts/3rdparty/")
    expect(page.locator("main")).to_contain_text(re.compile(provider, re.IGNORECASE))
    page.goto(f"{site.url}/accounts/sessions/")
    expect(page.locator("main")).to_contain_text(re.compile(provider, re.IGNORECASE))


@pytest.mark.parametrize("provider", ["google", "kakao", "naver"])
def test_a_cancelled_consent_ends_on_a_page_with_a_way_back(page: Page, site: Site, provider: str):
    page.goto(f"{site.url}/accounts/login/")
    page.locator(f"form[action*='/{provider}/login/'] button").first.click()
    page.locator("[name=choice][value=cancel]").click()

    expect(page).to_have_url(re.compile(re.escape(f"{site.url}/accounts/")))
    expect(page.locator("main a[href*='/accounts/login/']").first).to_be_visible()


def consent_as(page: Page, email: str) -> None:
    """Agree on the consent page as a typed identity with this email."""
    page.locator("[name=identity][value=other]").check()
    page.locator("#email").fill(email)
    page.locator("[name=choice][value=continue]").click()


def test_a_password_account_is_linked_from_the_login_page(page: Page, site: Site):
    visitor = site.accounts["visitor"]
    page.goto(f"{site.url}/accounts/login/")
    page.locator("form[action*='/kakao/login/'] button").first.click()
    consent_as(page, visitor["email"])

    expect(page).to_have_url(f"{site.url}/accounts/3rdparty/link/")
    expect(page.locator("main")).to_contain_text(visitor["email"])
    page.locator("[name=password]").fill("not the password")
    page.locator("[name=proof][value=password]").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.locator("[name=password]").fill(visitor["password"])
    page.locator("[name=proof][value=password]").click()
    expect(page).to_have_url(f"{site.url}/accounts/")

    page.goto(f"{site.url}/accounts/3rdparty/")
    expect(page.locator(".ledger")).to_contain_text("Kakao")
    page.get_by_role("button", name="Disconnect Kakao").click()
    expect(page.locator(".ledger")).not_to_contain_text("Kakao")


def test_kakao_without_an_address_is_connected_by_the_mailed_code(page: Page, site: Site):
    visitor = site.accounts["visitor"]
    page.goto(f"{site.url}/accounts/login/")
    page.locator("form[action*='/kakao/login/'] button").first.click()
    page.get_by_text("서연", exact=False).first.click()
    page.locator("[name=choice][value=continue]").click()
    page.fill("[name=email]", visitor["email"])
    page.locator("form:has([name=email]) .actions button").click()

    expect(page).to_have_url(f"{site.url}/accounts/confirm-email/")
    page.fill("[name=code]", "00000000")
    page.locator("form:has([name=code]) .actions button").first.click()
    expect(page.locator("main")).to_contain_text("That isn't the code.")
    page.fill("[name=code]", code_for(visitor["email"], page, site))
    page.locator("form:has([name=code]) .actions button").first.click()
    expect(page).to_have_url(f"{site.url}/accounts/")

    page.goto(f"{site.url}/accounts/3rdparty/")
    expect(page.locator(".ledger")).to_contain_text("Kakao")
    page.get_by_role("button", name="Disconnect Kakao").click()
    expect(page.locator(".ledger")).not_to_contain_text("Kakao")


@pytest.mark.parametrize(
    ("provider", "told"),
    [
        ("google", "We told Google that it ended."),
        ("kakao", "The account is disconnected."),
    ],
)
def test_a_provider_is_connected_and_disconnected_on_the_account_page(
    page: Page, site: Site, provider: str, told: str
):
    visitor, elsewhere = site.accounts["visitor"], f"somewhere.else@{provider}.example.com"
    page.goto(f"{site.url}/accounts/login/?next=/accounts/3rdparty/")
    page.locator("[name=login]").fill(visitor["email"])
    page.locator("[name=password]").fill(visitor["password"])
    page.locator("main form button.wide").first.click()
    page.locator(f"form[action*='/{provider}/login/'] button").first.click()
    consent_as(page, elsewhere)

    expect(page).to_have_url(f"{site.url}/accounts/3rdparty/")
    expect(page.locator(".ledger")).to_contain_text(elsewhere)
    page.get_by_role("button", name=f"Disconnect {provider.title()}").click()
    expect(page.locator(".ledger")).not_to_contain_text(elsewhere)
    expect(page).to_have_url(f"{site.url}/accounts/3rdparty/")
    expect(page.locator("body")).to_contain_text(told)


@pytest.mark.parametrize("path", ["login", "signup"])
@pytest.mark.parametrize("is_long", [True, False])
def test_the_checkbox_counts_for_a_providers_button(
    page: Page, site: Site, path: str, is_long: bool
):
    page.goto(f"{site.url}/accounts/{path}/")
    page.locator("input[type=checkbox][name=remember]").set_checked(is_long)
    page.locator("form[action*='/kakao/login/'] button").first.click()
    consent_as(page, "stays@example.org")
    expect(page).to_have_url(f"{site.url}/accounts/")

    session = next(each for each in page.context.cookies() if each["name"].endswith("session"))

    assert (session["expires"] > 0) is is_long
