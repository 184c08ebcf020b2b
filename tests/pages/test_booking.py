"""Booking, seeing and cancelling on the pages, as a browser without JavaScript does it."""

from datetime import date, datetime
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from tests.pages.conftest import NewVisitor, signed_in
from tests.pages.visitor import Visitor
from tests.support.salon import PASSWORD, Salon, order, unique
from tests.support.waiting import until


def in_words(day: str) -> str:
    asked = date.fromisoformat(day)
    return f"{asked:%A}, {asked.day} {asked:%B} {asked.year}"


def confirm_path(service: int, day: str, time: str = "09:00") -> str:
    return f"/book/{service}/confirm?date={day}&time={quote(time)}"


def test_a_stranger_signs_up_on_the_way_books_sees_it_and_cancels(shop: Salon, visitor: Visitor) -> None:
    name, email = f"Cut {unique()}", f"{unique()}@customers.example"
    service, day, span = shop.make_service(name=name), shop.open_day("09:00", "10:00"), "09:10 \N{EN DASH} 09:40"
    assert name in visitor.go("/").page.text
    visitor.follow(f"Book {name}").go(f"/book/{service}?date={day}")
    assert [time for time in visitor.page.links if ":" in time and len(time) == 5] == [
        "09:00",
        "09:10",
        "09:20",
        "09:30",
    ]
    visitor.follow("09:10").follow("Sign up")
    visitor.send("Sign up", name="Ana Pop", email=email, password=PASSWORD)
    assert in_words(day) in visitor.page.text
    assert span in visitor.page.text
    visitor.send("Book it")
    assert "Your appointment is booked." in visitor.page.text
    assert all(said in visitor.page.text for said in (name, in_words(day), span, "80 RON", "Ana Pop"))
    assert "09:10" not in shop.slots(service, day)
    visitor.follow(f"Cancel {name} on {in_words(day)} at 09:10").send("Cancel the appointment")
    assert "The appointment is cancelled." in visitor.page.text
    assert "You have no appointments to come." in visitor.page.text
    assert "09:10" in shop.slots(service, day)


def test_a_form_that_is_sent_twice_books_once(shop: Salon, ana: Visitor) -> None:
    service, day = shop.make_service(), shop.open_day()
    form = ana.go(confirm_path(service, day)).page
    first, second = (ana.send("Book it", page=form).page for _ in range(2))
    assert first.path == second.path
    assert second.text.count(in_words(day)) == first.text.count(in_words(day))


def test_a_time_taken_meanwhile_is_told_beside_fresh_times(shop: Salon, ana: Visitor, new_visitor: NewVisitor) -> None:
    service, day = shop.make_service(), shop.open_day("09:00", "10:00")
    other = signed_in(new_visitor(), shop).go(confirm_path(service, day))
    ana.go(confirm_path(service, day)).send("Book it")
    other.send("Book it")
    assert "Somebody else was faster" in other.page.text
    assert "09:00" not in other.page.links
    other.follow("09:30").send("Book it")
    assert "Your appointment is booked." in other.page.text


def test_who_comes_back_to_a_time_of_his_own_is_shown_that_he_has_it(shop: Salon, ana: Visitor) -> None:
    service, day = shop.make_service(), shop.open_day()
    ana.go(confirm_path(service, day)).send("Book it")
    assert "You have booked this time already" in ana.go(confirm_path(service, day)).page.text


def test_a_provider_may_be_chosen(shop: Salon, ana: Visitor) -> None:
    name = f"Ioana {unique()}"
    service, provider = shop.make_service(), shop.make_provider(name=name)
    day = shop.open_day("11:00", "12:00", provider=provider)
    until(lambda: name in ana.go(f"/book/{service}?date={day}").page.text, 2)  # copies are up to a second old
    ana.send_get("Show times", provider=str(provider))
    ana.follow("11:00")
    assert name in ana.page.text
    assert f"with {name}" in ana.send("Book it").page.text


def test_a_closed_week_says_so_and_leads_on(shop: Salon, visitor: Visitor) -> None:
    service = shop.make_service(booking_horizon=60 * 24 * 20)
    provider = shop.make_provider()
    visitor.go(f"/book/{service}?provider={provider}&week={shop.fresh_day()}")
    assert "Nothing is free in this week" in visitor.page.text
    turned = 0
    while "Later week →" in visitor.page.links and turned < 10:
        visitor.follow("Later week →")
        turned += 1
    assert 0 < turned <= 4, "no further than the horizon"


def test_what_needs_approval_is_requested_and_shown_as_waiting_until_it_is_confirmed(shop: Salon, ana: Visitor) -> None:
    service, day = shop.make_service(needs_approval=True), shop.open_day()
    ana.go(confirm_path(service, day)).send("Book it")
    assert "Your appointment is requested." in ana.page.text
    assert "Your appointment is booked." not in ana.page.text
    assert "Waiting for confirmation" in ana.page.text
    pending = next(row["id"] for row in shop.admin.api.get(f"/appointments/date/{day}").json())
    assert shop.admin.api.post(f"/appointments/{pending}/confirm").status_code == 200
    page = ana.go("/my").page.text
    assert in_words(day) in page
    assert "Waiting for confirmation" not in page


def test_a_time_that_is_held_says_until_when(shop: Salon, visitor: Visitor) -> None:
    owner = shop.make_customer()
    held = owner.api.post("/holds", order(shop.make_service(), shop.open_day())).json()
    until_when = f"{datetime.fromisoformat(held['expires_at']).astimezone(ZoneInfo(zone_of(shop))):%H:%M}"
    visitor.go("/sign-in").send("Sign in", email=owner.email, password=PASSWORD)
    assert f"Held until {until_when}" in visitor.go("/my").page.text


def zone_of(shop: Salon) -> str:
    return str(shop.anyone.get("/location").json()["timezone"])


def test_a_hidden_service_is_booked_by_its_link_alone(shop: Salon, ana: Visitor) -> None:
    name = f"Hidden {unique()}"
    service, day = shop.make_service(name=name, is_hidden=True), shop.open_day()
    assert name not in ana.go("/").page.text
    ana.go(f"/book/{service}?date={day}").follow("09:00").send("Book it")
    assert "Your appointment is booked." in ana.page.text
    assert name in ana.page.text


def test_times_are_those_of_the_business_and_the_page_says_so(shop: Salon, visitor: Visitor) -> None:
    service, day = shop.make_service(), shop.open_day()
    assert f"Times are those of {zone_of(shop)}." in visitor.go(f"/book/{service}?date={day}").page.text


def test_a_name_is_text_and_never_markup(shop: Salon, visitor: Visitor) -> None:
    name = f'<script>alert("{unique()}")</script>'
    service, day = shop.make_service(name=name, description="<b>&amp;</b>"), shop.open_day()
    visitor.go("/sign-up").send("Sign up", name="<i>Ana</i>", email=f"{unique()}@customers.example", password=PASSWORD)
    for path in ("/", f"/book/{service}?date={day}", confirm_path(service, day)):
        answered = visitor.go(path).page.answered.text
        assert "<script" not in answered
        assert "<i>" not in answered
    assert name in visitor.send("Book it").page.text


def test_anothers_appointment_is_not_there(shop: Salon, ana: Visitor, new_visitor: NewVisitor) -> None:
    service, day = shop.make_service(), shop.open_day()
    owner = shop.make_customer()
    theirs = shop.book(owner, service, day)
    own = shop.make_service()
    ana.go(confirm_path(own, shop.open_day())).send("Book it")
    token = ana.go("/my").follow(next(link for link in ana.page.links if link.startswith("Cancel "))).page
    assert "is not there any more" in ana.go(f"/my/{theirs}/cancel").page.text
    ana.post(f"/my/{theirs}/cancel", token.forms["Cancel the appointment"].fields)
    assert "is not there any more" in ana.page.text
    assert [row["id"] for row in owner.api.get("/appointments/me").json()] == [theirs]


def test_too_late_to_cancel_is_told(shop: Salon, ana: Visitor) -> None:
    service, day = shop.make_service(cancellation_window=366 * 1440), shop.open_day()
    ana.go(confirm_path(service, day)).send("Book it")
    ana.follow(next(link for link in ana.page.links if link.startswith("Cancel "))).send("Cancel the appointment")
    assert "It is too late" in ana.page.text


@pytest.mark.parametrize(
    "tail",
    ["?date=yesterday", "?date=0000-00-00", "?provider=-1", "?provider=x", "?date=2026-01-01&date=2026-01-02",
     "/confirm?date=2027-01-01", "/confirm?date=2027-01-01&time=25:00", "/confirm?time=09:00",
     "/confirm?date=9999-12-31&time=09:00"],
)  # fmt: skip
def test_a_broken_link_is_told_on_a_page(shop: Salon, ana: Visitor, tail: str) -> None:
    ana.go(f"/book/{shop.make_service()}{tail}")
    assert (ana.page.status, "This link does not work" in ana.page.text) == (422, True)


@pytest.mark.parametrize("day", ["1970-01-01", "2999-12-30", "0001-01-01", "9999-12-31"])
def test_a_day_far_away_shows_the_nearest_that_can_be_booked(shop: Salon, visitor: Visitor, day: str) -> None:
    service = shop.make_service()
    assert visitor.go(f"/book/{service}?date={day}").page.status == 200
    assert visitor.go(f"/book/{service}?week={day}").page.status == 200


@pytest.mark.parametrize("path", ["/book/0", "/book/99999999999999999999", "/book/999999", "/no/such/page"])
def test_what_is_not_there_is_a_page_that_says_so(visitor: Visitor, path: str) -> None:
    assert visitor.go(path).page.status == 404
    assert "To the first page" in visitor.page.links
