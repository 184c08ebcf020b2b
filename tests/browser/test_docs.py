"""The page of the API works under the policy and asks nobody but us."""

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import NewPage
from tests.support.salon import Salon

pytestmark = pytest.mark.browser


def test_every_operation_is_shown(shop: Salon, new_page: NewPage) -> None:
    page = new_page()
    page.goto("/docs")
    document = shop.anyone.get("/openapi.json").json()
    number = sum(len(methods) for methods in document["paths"].values())
    expect(page.locator(".opblock")).to_have_count(number)
    expect(page.get_by_text(document["info"]["description"])).to_be_visible()


def test_an_operation_can_be_tried_as_somebody(shop: Salon, new_page: NewPage) -> None:
    page = new_page()
    ana = shop.make_customer("Ana Pop")
    page.goto("/docs")
    page.get_by_role("button", name="Authorize").first.click()
    page.get_by_label("auth-bearer-value").fill(ana.api.token or "")
    page.get_by_role("button", name="Apply credentials").click()
    page.get_by_role("button", name="Close", exact=True).click()
    tried = page.locator("#operations-Business-get_profile")
    tried.locator(".opblock-summary-control").click()
    tried.get_by_role("button", name="Try it out").click()
    tried.get_by_role("button", name="Execute").click()
    expect(tried.locator(".live-responses-table").get_by_role("cell", name="200")).to_be_visible()
    expect(tried.locator(".live-responses-table")).to_contain_text(ana.email)


def test_without_javascript_it_leads_to_the_document(new_page: NewPage) -> None:
    page: Page = new_page(java_script_enabled=False)
    page.goto("/docs")
    expect(page.get_by_role("link", name="/openapi.json", exact=True)).to_be_visible()
