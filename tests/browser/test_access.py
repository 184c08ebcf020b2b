"""Everybody gets through: by keyboard alone, on a narrow screen, with names and landmarks that a reader tells."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import NewPage, sign_in
from tests.support.salon import PASSWORD, Salon, unique

pytestmark = pytest.mark.browser
NARROW = {"width": 360, "height": 740}
CONTRAST = (Path(__file__).parent / "contrast.js").read_text().partition("\n")[2]
UNNAMED = """() => [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select")]
    .filter((one) => !(one.labels?.length || one.ariaLabel || one.textContent.trim()))
    .map((one) => one.outerHTML)"""
TWICE = """() => {
    const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
    return ids.filter((id, place) => ids.indexOf(id) !== place);
}"""
FOCUSED = """() => {
    const one = document.activeElement, style = getComputedStyle(one);
    const ringed = style.outlineStyle !== "none" || style.boxShadow !== "none";
    return [one.textContent.replace(/\\s+/g, " ").trim(), ringed, !!one.closest("main")];
}"""


def pages_of(page: Page, shop: Salon) -> Iterator[str]:
    """Show every page, with long names on it; yield where it is."""
    long = f"{unique()}{'verylongword' * 5}"
    service = shop.make_service(name=f"Cut {long}", description=f"With {long}")
    shop.make_provider(name=f"Ioana {long}")
    day = shop.open_day()
    for path in ("/", "/sign-up", f"/sign-in?problem=invalid&fields=email,password&email={long}@x.example"):
        page.goto(path)
        yield path
    sign_in(page, shop.make_customer(f"Ana {long}").email)
    for path in (f"/book/{service}?date={day}", f"/book/{service}/confirm?date={day}&time=09:00"):
        page.goto(path)
        yield path
    page.get_by_role("button", name="Book it").click()
    yield "/my"
    page.get_by_role("link", name=f"Cancel Cut {long}").click()
    yield "/my/cancel"


@pytest.mark.parametrize("width", [320, 360, 768])
def test_no_page_is_wider_than_the_screen(shop: Salon, new_page: NewPage, width: int) -> None:
    page = new_page(viewport={"width": width, "height": 740})
    for path in pages_of(page, shop):
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{path} is {wide} wide"


def test_names_and_landmarks(shop: Salon, new_page: NewPage) -> None:
    page = new_page(viewport=NARROW)
    for path in pages_of(page, shop):
        assert page.locator("html").get_attribute("lang") == "en", path
        for landmark in ("banner", "navigation", "main", "contentinfo"):
            assert page.get_by_role(landmark).count() == 1, (path, landmark)
        assert page.get_by_role("heading", level=1).count() == 1, path
        assert page.evaluate(UNNAMED) == [], path
        assert page.evaluate(TWICE) == [], path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(shop: Salon, new_page: NewPage, scheme: str) -> None:
    """WCAG 2.2, 1.4.3: 4.5 to 1 for every text; large text would need only 3."""
    page = new_page(color_scheme=scheme, reduced_motion="reduce")
    for path in pages_of(page, shop):
        weak = page.evaluate(CONTRAST)
        assert weak == [], path


def test_by_keyboard_alone(shop: Salon, new_page: NewPage) -> None:
    name = f"Cut {unique()}"
    service, day = shop.make_service(name=name), shop.open_day()
    page = new_page()
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    tab_to(page, f"Book {name}")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    page.goto(f"/book/{service}?date={day}")
    tab_to(page, "09:20")
    page.keyboard.press("Enter")
    page.wait_for_url("**/sign-in?**")
    tab_to(page, "Sign up", last=True)
    page.keyboard.press("Enter")
    expect(page.get_by_label("Your name")).to_be_focused()
    for typed in ("Ana Pop", f"{unique()}@customers.example", PASSWORD):
        page.keyboard.type(typed)
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Confirm your appointment")
    tab_to(page, "Book it")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("Your appointment is booked.")


def tab_to(page: Page, name: str, *, last: bool = False) -> None:
    """Press Tab until this is focused, with a ring that can be seen; `last` is the one in the content."""
    for _ in range(200):
        page.keyboard.press("Tab")
        said, ringed, inside = page.evaluate(FOCUSED)
        if said == name and (inside or not last):
            assert ringed, f"{name} shows no focus"
            return
    pytest.fail(f"Tab never reaches {name}")
