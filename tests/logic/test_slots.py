"""Free times through real HTTP: a day, a month, the next ones; and why the others are not offered."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from tests.support.salon import Person, Salon, is_problem, made, order


class Desk:
    """A service with its own provider, open on a day of his own."""

    def __init__(self, salon: Salon, start: str = "09:00", end: str = "11:00", **given: Any) -> None:
        self.salon = salon
        self.service = salon.make_service(**given)
        self.provider = salon.make_provider(services=[self.service])
        self.day = salon.open_day(start, end, provider=self.provider)

    def why(self, who: Person | None = None) -> dict[str, str]:
        """Return the reason of each start that is not offered."""
        api = who.api if who else self.salon.anyone
        asked = {"date": self.day, "service_id": self.service, "explain": 1}
        answered = api.get("/available-timeslots", asked).json()
        assert set(answered) <= {"available_slots", "unavailable"}
        assert all(set(row) == {"time", "reason"} for row in answered["unavailable"])
        return {row["time"]: row["reason"] for row in answered["unavailable"]}

    def book(self, time: str) -> int:
        ana = self.salon.make_customer()
        return self.salon.book(ana, self.service, self.day, time, provider_id=self.provider)

    def verdict(self, time: str) -> dict[str, Any]:
        """Return what staff are told of the provider."""
        asked = {"date": self.day, "time": time, "service_id": self.service}
        rows = self.salon.admin.api.get("/available-timeslots/verdicts", asked).json()
        found: dict[str, Any] = next(row for row in rows if row["provider"]["id"] == self.provider)
        return found

    def span(self, start: str, end: str) -> dict[str, str]:
        return {"starts_at": f"{self.day}T{start}:00Z", "ends_at": f"{self.day}T{end}:00Z"}


def test_a_day_is_the_month_of_one_day(salon: Salon) -> None:
    desk = Desk(salon, "09:00", "12:00")
    desk.book("09:40")
    asked = {"service_id": desk.service, "first": desk.day, "last": desk.day}
    assert salon.anyone.get("/available-timeslots/days", asked).json()["days"] == {
        desk.day: salon.slots(desk.service, desk.day)
    }


def moved_elsewhere(salon: Salon, *providers: int) -> int:
    """Have these providers work at a new location, where nobody else is open; return it."""
    place: int = salon.admin.api.post("/locations", {"name": "Branch"}).json()["object_id"]
    for provider in providers:
        assert salon.admin.api.put(f"/providers/{provider}", {"location_id": place}).status_code == 200
    return place


def test_days_for_any_provider_are_the_single_days_of_all_of_them(salon: Salon) -> None:
    desk = Desk(salon, "09:00", "12:00")
    other = salon.make_provider(services=[desk.service])
    place = moved_elsewhere(salon, desk.provider, other)
    later = [salon.open_day("10:00", "11:00", provider=other), salon.open_day("08:00", "09:00", provider=other)]
    salon.open_day("11:30", "13:00", provider=other, day=desk.day)
    desk.book("09:40")
    salon.book(salon.make_customer(), desk.service, later[0], "10:20", provider_id=other)
    asked = {"service_id": desk.service, "location_id": place}
    found = salon.anyone.get("/available-timeslots/days", {**asked, "first": desk.day, "last": later[-1]}).json()[
        "days"
    ]
    days = {day: salon.anyone.get("/available-timeslots", {**asked, "date": day}).json() for day in (desk.day, *later)}
    assert found == {day: slots for day, each in days.items() if (slots := each["available_slots"])}
    assert (found[desk.day][0], found[desk.day][-1]) == ("09:00", "12:30")
    assert later[0] not in found


def test_explain_tells_of_every_start_that_is_not_offered(salon: Salon) -> None:
    desk = Desk(salon, "09:00", "12:00", buffer_after=10)
    desk.book("09:30")
    offered, why = salon.slots(desk.service, desk.day), desk.why()
    assert not set(offered) & set(why)
    assert sorted([*offered, *why]) == [f"{hour:02d}:{minute:02d}" for hour in range(24) for minute in range(0, 60, 10)]


def test_explain_tells_each_reason(salon: Salon) -> None:
    desk = Desk(salon, "09:00", "12:00", buffer_after=10)
    desk.book("09:30")
    made(salon.admin.api.post(f"/providers/{desk.provider}/time-off", desk.span("11:00", "12:00")))
    why = desk.why()
    assert why["08:50"] == "outside_hours"
    assert why["09:00"] == "buffer"
    assert why["09:30"] == why["09:20"] == "occupied"
    assert why["10:00"] == "occupied" or why["10:00"] == "buffer"
    assert why["11:00"] == why["10:40"] == "time_off"
    assert "10:10" not in why
    assert {"10:10", "10:20", "10:30"} == set(salon.slots(desk.service, desk.day))


def test_explain_tells_closures_notice_horizon_full_groups_and_missing_rooms(salon: Salon) -> None:
    place = salon.admin.api.post("/locations", {"name": "Branch"}).json()
    desk = Desk(salon, minimum_notice=366 * 1440)
    assert desk.why()["09:00"] == "notice"
    salon.admin.api.put(f"/services/{desk.service}", {"minimum_notice": 0, "booking_horizon": 0})
    assert desk.why()["09:00"] == "horizon"
    kind = f"laser {desk.day}"
    salon.admin.api.put(f"/services/{desk.service}", {"booking_horizon": 366 * 1440, "resource_type": kind})
    assert desk.why()["09:00"] == "no_resource"
    salon.admin.api.put(f"/services/{desk.service}", {"resource_type": None, "capacity": 2})
    desk.book("09:00")
    assert "09:00" not in desk.why()
    desk.book("09:00")
    assert desk.why()["09:00"] == "full"
    salon.admin.api.put(f"/providers/{desk.provider}?keep=1", {"location_id": place["object_id"]})
    closed = desk.span("00:00", "23:00") | {"location_id": place["object_id"]}
    made(salon.admin.api.post("/closures?keep=1", closed))
    asked = {"date": desk.day, "service_id": desk.service, "explain": 1, "location_id": place["object_id"]}
    rows = salon.anyone.get("/available-timeslots", asked).json()["unavailable"]
    assert {row["reason"] for row in rows if row["time"] in ("09:30", "10:00")} == {"closed"}


def test_customers_see_the_reason_and_staff_the_appointment(salon: Salon) -> None:
    desk = Desk(salon)
    booked, ana = desk.book("09:30"), salon.make_customer()
    assert desk.why(ana)["09:30"] == "occupied"
    asked = {"date": desk.day, "time": "09:30", "service_id": desk.service}
    for who, status, code in ((salon.anyone, 401, "unauthenticated"), (ana.api, 403, "role_not_allowed")):
        assert is_problem(who.get("/available-timeslots/verdicts", asked), status, code)
    verdict = desk.verdict("09:30")
    assert verdict["reason"] == "occupied"
    assert verdict["appointments"] == [booked]
    free = desk.verdict("10:00")
    assert (free["reason"], free["appointments"]) == (None, [])


def test_the_next_k_starts_are_found_over_months(salon: Salon) -> None:
    desk = Desk(salon, "09:00", "09:40")
    later = (date.fromisoformat(desk.day) + timedelta(days=100)).isoformat()
    salon.open_day("10:00", "10:40", provider=desk.provider, day=later)
    asked = {"service_id": desk.service, "provider_id": desk.provider, "count": 3}
    found = salon.anyone.get("/available-timeslots/next", asked).json()
    assert [(row["date"], row["time"]) for row in found] == [(desk.day, "09:00"), (desk.day, "09:10"), (later, "10:00")]
    assert {row["provider_id"] for row in found} == {desk.provider}


def test_the_next_starts_with_any_provider_are_the_first_of_all_of_them(salon: Salon) -> None:
    desk = Desk(salon, "09:00", "09:40")
    other = salon.make_provider(services=[desk.service])
    place = moved_elsewhere(salon, desk.provider, other)
    salon.open_day("09:10", "10:00", provider=other, day=desk.day)
    desk.book("09:00")
    found = salon.anyone.get(
        "/available-timeslots/next", {"service_id": desk.service, "location_id": place, "count": 9}
    ).json()
    assert [(row["date"], row["time"], row["provider_id"]) for row in found] == [
        (desk.day, time, other) for time in ("09:10", "09:20", "09:30")
    ]


def test_the_next_starts_end_with_the_horizon(salon: Salon) -> None:
    desk = Desk(salon, booking_horizon=0)
    assert salon.anyone.get("/available-timeslots/next", {"service_id": desk.service}).json() == []
    for count in (0, 51):
        asked = {"service_id": desk.service, "count": count}
        assert is_problem(salon.anyone.get("/available-timeslots/next", asked), 422, "invalid")


def test_days_are_two_months_at_most(salon: Salon) -> None:
    first = datetime.now(UTC).date()
    for last, status in ((61, 200), (62, 422), (-1, 422)):
        asked = {"service_id": salon.make_service(), "first": first, "last": first + timedelta(days=last)}
        assert salon.anyone.get("/available-timeslots/days", asked).status_code == status


def test_a_day_long_service_with_long_buffers_is_offered_where_it_can_be_booked(salon: Salon) -> None:
    """The buffer after one that starts late lies two days on: what is taken there is seen."""
    long, short = salon.make_service(duration=1440, buffer_after=720), salon.make_service(duration=30)
    provider = salon.make_provider(services=[long, short])
    days = [salon.fresh_day() for _ in range(4)]
    for day in days:
        salon.open_day("00:00", "24:00", provider=provider, day=day)
    if [date.fromisoformat(day) for day in days[1:]] != [
        date.fromisoformat(day) + timedelta(days=1) for day in days[:-1]
    ]:
        pytest.fail("days of one test follow each other")
    ana = salon.make_customer()
    salon.book(ana, short, days[2], "08:00", provider_id=provider)
    assert "22:00" not in salon.slots(long, days[0], provider)
    assert is_problem(ana.api.post("/appointments", order(long, days[0], "22:00")), 409, "slot_taken")


def test_an_appointment_lasts_a_day_at_most_add_ons_included(salon: Salon) -> None:
    service, day, ana = salon.make_service(duration=1000), salon.open_day(), salon.make_customer()
    addon = made(salon.admin.api.post(f"/services/{service}/addons", {"name": "More", "duration": 441}))
    answered = ana.api.post("/appointments", order(service, day, addons=[addon]))
    assert is_problem(answered, 422, "rule_broken")
