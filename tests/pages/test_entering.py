"""Signing in, up and out on the pages: what was typed is kept, never the password; faults are told in our words."""

import pytest
from tests.pages.visitor import Visitor
from tests.support.salon import PASSWORD, Salon, unique


def test_a_wrong_password_is_told_and_the_address_kept(shop: Salon, visitor: Visitor) -> None:
    email = shop.make_customer().email
    visitor.sign_in(email, "not the password")
    assert "The e-mail address or the password is wrong." in visitor.page.text
    fields = visitor.page.forms["Sign in"].fields
    assert (fields["email"], fields["password"]) == (email, "")
    assert "not the password" not in visitor.page.answered.text + visitor.page.path
    visitor.send("Sign in", password=PASSWORD)
    assert "Sign out" in visitor.page.forms


def test_a_sign_up_tells_each_fault_beside_its_field(visitor: Visitor) -> None:
    visitor.go("/sign-up").send("Sign up", name="Ana", email="not an address", password="")
    assert "Enter an e-mail address such as ana@example.com." in visitor.page.text
    assert "Enter a password" in visitor.page.text
    assert "Enter your name." not in visitor.page.text
    assert visitor.page.forms["Sign up"].fields["name"] == "Ana"
    assert visitor.page.answered.text.count('aria-invalid="true"') == 2


def test_a_known_address_leads_to_signing_in(shop: Salon, visitor: Visitor) -> None:
    email = shop.make_customer().email
    visitor.go("/sign-up").send("Sign up", name="Ana", email=email, password=PASSWORD)
    assert "already registered" in visitor.page.text
    assert visitor.page.forms["Sign up"].fields["email"] == email


def test_signing_in_goes_on_to_where_the_visitor_was(shop: Salon, visitor: Visitor) -> None:
    service, day = shop.make_service(), shop.open_day()
    visitor.go(f"/book/{service}/confirm?date={day}&time=09:20")
    assert visitor.page.path.startswith("/sign-in?next=")
    visitor.send("Sign in", email=shop.make_customer().email, password="wrong").send("Sign in", password=PASSWORD)
    assert visitor.page.path == f"/book/{service}/confirm?date={day}&time=09:20"
    assert "Book it" in visitor.page.forms


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:1"])
def test_signing_in_leads_to_no_other_site(shop: Salon, visitor: Visitor, elsewhere: str) -> None:
    visitor.go("/sign-in").send("Sign in", email=shop.make_customer().email, password=PASSWORD, next=elsewhere)
    assert visitor.page.path == "/"
    assert str(visitor.page.answered.url).startswith(visitor.origin)


@pytest.mark.parametrize("page", ["/sign-in", "/sign-up", "/my", "/book/1"])
def test_nothing_of_a_link_is_shown_as_ours(ana: Visitor, shop: Salon, page: str) -> None:
    page = page.replace("1", str(shop.make_service()))
    words = f"call{unique()}"
    ana.go(f"{page}?problem={words}&note={words}&fields={words}")
    assert words not in ana.page.text


def test_signing_out_ends_the_session(ana: Visitor) -> None:
    token = ana.client.cookies["bookmeup"]
    ana.send("Sign out")
    assert "Sign in" in ana.page.links
    ana.client.cookies.set("bookmeup", token)
    assert ana.go("/my").page.path.startswith("/sign-in")


def test_a_name_typed_as_json_would_have_it_is_a_name(visitor: Visitor) -> None:
    name = f'"{unique()}" \\ {{}} & ünï'
    visitor.go("/sign-up").send("Sign up", name=name, email=f"{unique()}@customers.example", password=PASSWORD)
    assert name in visitor.page.text
