"""What a customer does, in Chromium: with JavaScript and without, two at once, back and forth, late."""

import re

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import NewPage, sign_in
from tests.support.salon import PASSWORD, Salon, unique

pytestmark = pytest.mark.browser


def choose(page: Page, service: int, day: str, time: str) -> None:
    page.goto(f"/book/{service}?date={day}")
    page.get_by_role("link", name=time, exact=True).click()


def test_sign_up_book_see_cancel_sign_out_sign_in(shop: Salon, page: Page) -> None:
    name, email = f"Cut {unique()}", f"{unique()}@customers.example"
    service, day = shop.make_service(name=name), shop.open_day()
    page.goto("/")
    page.get_by_role("link", name="Sign up").click()
    page.get_by_label("Your name").fill("Ana Pop")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_text("Signed in as Ana Pop")).to_be_visible()
    page.get_by_role("link", name=f"Book {name}").click()
    choose(page, service, day, "09:10")
    page.get_by_role("button", name="Book it").click()
    expect(page.get_by_role("status")).to_have_text("Your appointment is booked.")
    expect(page).to_have_title(re.compile("My appointments"))
    page.get_by_role("link", name=f"Cancel {name}").click()
    page.get_by_role("button", name="Cancel the appointment").click()
    expect(page.get_by_text("You have no appointments to come.")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    sign_in(page, email)


def test_two_browsers_race_for_one_time(shop: Salon, new_page: NewPage) -> None:
    service, day = shop.make_service(), shop.open_day("09:00", "10:00")
    pages = [sign_in(new_page(), shop.make_customer().email) for _ in range(2)]
    for page in pages:
        choose(page, service, day, "09:00")
    for page in pages:  # both are sent before either answer is looked at
        page.get_by_role("button", name="Book it").click(no_wait_after=True)
    for page in pages:
        expect(page.get_by_role("status").or_(page.get_by_role("alert"))).to_be_visible()
    booked = [page.get_by_text("Your appointment is booked.").count() for page in pages]
    assert sorted(booked) == [0, 1]
    loser = pages[booked.index(0)]
    expect(loser.get_by_role("alert")).to_contain_text("Somebody else was faster")
    assert loser.get_by_role("link", name="09:00", exact=True).count() == 0
    loser.get_by_role("link", name="09:30", exact=True).click()
    loser.get_by_role("button", name="Book it").click()
    expect(loser.get_by_role("status")).to_have_text("Your appointment is booked.")


def test_back_and_once_more_books_once(shop: Salon, page: Page) -> None:
    service, day, ana = shop.make_service(), shop.open_day(), shop.make_customer()
    sign_in(page, ana.email)
    choose(page, service, day, "09:00")
    page.get_by_role("button", name="Book it").click()
    page.get_by_role("status").wait_for()
    page.go_back()
    page.get_by_role("heading", level=1).wait_for()
    again = page.get_by_role("button", name="Book it")
    if again.count():  # the browser kept the page; without it, it is asked for again and shows the appointment
        again.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("My appointments")
    assert len(ana.api.get("/appointments/me").json()) == 1


def test_a_session_that_ran_out_is_renewed_unseen(shop: Salon, page: Page) -> None:
    ana = shop.make_customer()
    sign_in(page, ana.email)
    kept = page.context.cookies()
    page.context.add_cookies([{**cookie, "value": "run-out"} for cookie in kept if cookie["name"] == "bookmeup"])  # type: ignore[typeddict-item]
    page.goto("/my")
    expect(page).to_have_url(re.compile("/my$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("My appointments")
    fresh = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    assert fresh["bookmeup"].count(".") == 2


def test_a_session_that_ended_elsewhere_asks_to_sign_in_and_goes_on(
    shop: Salon, page: Page, complaints: list[str]
) -> None:
    ana = shop.make_customer()
    sign_in(page, ana.email)
    shop.anyone.bearing(_cookie(page)).delete("/auth/logout")
    page.goto("/my")
    expect(page).to_have_url(re.compile(r"/sign-in\?next=%2Fmy"))
    page.get_by_label("E-mail address").fill(ana.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("My appointments")


def _cookie(page: Page) -> str:
    return next(cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "bookmeup")


def test_a_form_left_for_long_is_confirmed_once_more(shop: Salon, page: Page) -> None:
    service, day, ana = shop.make_service(), shop.open_day(), shop.make_customer()
    sign_in(page, ana.email)
    choose(page, service, day, "09:00")
    cookie = next(one for one in page.context.cookies() if one["name"] == "bookmeup")
    page.context.add_cookies([{**cookie, "value": "run-out"}])  # type: ignore[typeddict-item]
    page.get_by_role("button", name="Book it").click()
    expect(page.get_by_role("status")).to_contain_text("nothing was booked yet")
    page.get_by_role("button", name="Book it").click()
    expect(page.get_by_role("status")).to_have_text("Your appointment is booked.")


def test_the_cookies_are_out_of_a_script_s_reach(shop: Salon, new_page: NewPage) -> None:
    page = sign_in(new_page(), shop.make_customer().email)
    assert page.evaluate("document.cookie") == ""
    assert {cookie.get("sameSite") for cookie in page.context.cookies()} == {"Lax"}


def test_the_policy_stops_what_gets_into_a_page(shop: Salon, new_page: NewPage, complaints: list[str]) -> None:
    page = new_page()
    page.goto("/")
    page.evaluate("""() => {
        const script = document.createElement("script");
        script.textContent = "window.reached = 1";
        document.body.append(script);
        document.body.insertAdjacentHTML("beforeend", '<img src="/nothing" onerror="window.reached = 2">');
    }""")
    page.wait_for_timeout(300)
    assert page.evaluate("window.reached") is None
    assert any("Content Security Policy" in said for said in complaints)
    complaints.clear()
