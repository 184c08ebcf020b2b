"""Groups through real HTTP: the time of a group is its own as long as anybody has a seat in it, and no other's."""

from typing import Any

import pytest
from tests.support.holds import let_pass
from tests.support.processes import Site
from tests.support.salon import Person, Salon, is_problem, made, order


class Class:
    """A group of three with a provider of its own, another service of his, and a day of his."""

    def __init__(self, salon: Salon, **given: Any) -> None:
        self.salon = salon
        self.yoga = salon.make_service(**{"duration": 60, "capacity": 3, **given})
        self.other = salon.make_service(duration=30)
        self.provider = salon.make_provider(services=[self.yoga, self.other])
        self.day = salon.open_day("09:00", "12:00", provider=self.provider)
        self.people = salon.make_customers(3)

    def join(self, who: Person, time: str = "09:00") -> int:
        return self.salon.book(who, self.yoga, self.day, time, provider_id=self.provider)

    def hold(self, who: Person, time: str = "09:00") -> int:
        return made(who.api.post("/holds", order(self.yoga, self.day, time, provider_id=self.provider)))

    def others(self) -> list[str]:
        """Return what is offered of the other service."""
        return self.salon.slots(self.other, self.day, self.provider)

    def is_taken(self, time: str = "09:00") -> bool:
        """Whether the other service can neither be seen nor booked at a time."""
        body = order(self.other, self.day, time, provider_id=self.provider)
        refused = self.people[0].api.post("/appointments", body)
        return time not in self.others() and refused.status_code == 409


@pytest.fixture
def group(salon: Salon) -> Class:
    return Class(salon)


def test_seats_are_numbered_up_to_n_and_the_n_plus_first_is_refused(group: Class) -> None:
    for who in group.people:
        group.join(who)
    assert "09:00" not in group.salon.slots(group.yoga, group.day)
    refused = group.people[0].api.post("/appointments", order(group.yoga, group.day))
    assert is_problem(refused, 409, "slot_taken")


def test_a_seat_that_is_given_up_is_taken_by_exactly_one(group: Class) -> None:
    booked = [group.join(who) for who in group.people]
    group.people[1].api.delete(f"/appointments/me/{booked[1]}")
    assert "09:00" in group.salon.slots(group.yoga, group.day)
    group.join(group.people[1])
    refused = group.people[2].api.post("/appointments", order(group.yoga, group.day))
    assert is_problem(refused, 409, "slot_taken")


def test_another_service_is_not_sold_over_a_group_until_all_have_left(group: Class) -> None:
    first, second = group.join(group.people[0]), group.join(group.people[1])
    assert group.is_taken("09:30")
    group.people[0].api.delete(f"/appointments/me/{first}")
    assert group.is_taken("09:30")
    group.people[1].api.delete(f"/appointments/me/{second}")
    assert "09:30" in group.others()


def test_a_hold_that_ends_frees_no_group_that_others_booked(group: Class, roles: Site) -> None:
    first = group.hold(group.people[0])
    group.join(group.people[1])
    last = group.hold(group.people[2])
    for hold in (first, last):
        let_pass(roles.database, hold)
        assert group.is_taken()
    group.join(group.people[0])
    assert group.is_taken()


def test_whoever_books_after_a_hold_that_is_over_has_the_time(group: Class, roles: Site) -> None:
    """The hold is ended by the booking itself: its seat must not be joined."""
    for _ in range(5):  # the sweeper may come first
        hold = group.hold(group.people[0])
        let_pass(roles.database, hold)
        booked = group.join(group.people[1])
        assert group.is_taken()
        group.people[1].api.delete(f"/appointments/me/{booked}")


def test_a_group_that_only_a_hold_keeps_ends_with_the_hold(group: Class, roles: Site) -> None:
    booked = group.join(group.people[0])
    hold = group.hold(group.people[1])
    group.people[0].api.delete(f"/appointments/me/{booked}")
    assert group.is_taken()
    let_pass(roles.database, hold)
    assert "09:00" in group.others()
    group.salon.book(group.people[2], group.other, group.day, "09:00", provider_id=group.provider)


@pytest.mark.parametrize("time", ["09:00", "09:30", "11:00"])
def test_one_who_is_alone_in_a_group_moves_and_takes_the_time_with_him(group: Class, time: str) -> None:
    booked = group.join(group.people[0])
    assert group.people[0].api.put(f"/appointments/me/{booked}", {"date": group.day, "time": time}).status_code == 200
    assert group.is_taken(time)
    group.join(group.people[1], time)
    assert group.is_taken(time)


def test_one_who_moves_into_a_group_that_is_only_held_keeps_it(group: Class, roles: Site) -> None:
    booked, hold = group.join(group.people[0]), group.hold(group.people[1], "10:30")
    move = {"date": group.day, "time": "10:30"}
    assert group.people[0].api.put(f"/appointments/me/{booked}", move).status_code == 200
    let_pass(roles.database, hold)
    assert group.is_taken("10:30")
    assert "09:00" in group.others()


def test_one_who_moves_out_leaves_the_group_to_the_others(group: Class) -> None:
    booked = group.join(group.people[0])
    group.join(group.people[1])
    move = {"date": group.day, "time": "10:30"}
    assert group.people[0].api.put(f"/appointments/me/{booked}", move).status_code == 200
    assert group.is_taken("09:00")
    assert group.is_taken("10:30")


def test_nobody_joins_a_group_for_longer_than_it_takes(group: Class) -> None:
    longer = made(
        group.salon.admin.api.post(f"/services/{group.yoga}/addons", {"name": "Massage", "duration": 30, "price": 5})
    )
    group.join(group.people[0])
    body = order(group.yoga, group.day, addons=[longer], provider_id=group.provider)
    assert is_problem(group.people[1].api.post("/appointments", body), 409, "slot_taken")
    assert group.salon.admin.api.put(f"/services/{group.yoga}", {"duration": 90}).status_code == 200
    assert "09:00" not in group.salon.slots(group.yoga, group.day)
    assert is_problem(group.people[1].api.post("/appointments", order(group.yoga, group.day)), 409, "slot_taken")
    assert "10:00" in group.others()


def test_nobody_joins_a_group_that_was_left_outside_the_hours(group: Class) -> None:
    group.join(group.people[0])
    span = {"starts_at": f"{group.day}T00:00:00Z", "ends_at": f"{group.day}T23:00:00Z"}
    made(group.salon.admin.api.post(f"/providers/{group.provider}/time-off?keep=1", span))
    assert group.salon.slots(group.yoga, group.day) == []
    assert is_problem(group.people[1].api.post("/appointments", order(group.yoga, group.day)), 422, "closed")


def test_whoever_joins_a_group_has_its_room(salon: Salon) -> None:
    kind = f"hall {salon.fresh_day()}"
    hall = made(salon.admin.api.post("/resources", {"name": "Hall", "type": kind}))
    group = Class(salon, resource_type=kind)
    first, second = group.join(group.people[0]), group.join(group.people[1])
    group.people[0].api.delete(f"/appointments/me/{first}")
    dry = salon.admin.api.delete(f"/resources/{hall}?dry_run=1").json()
    assert [row["id"] for row in dry["affected"]] == [second]


def test_fewer_seats_than_are_booked_are_told_before_they_are_saved(group: Class) -> None:
    booked = [group.join(who) for who in group.people]
    url, fewer, admin = f"/services/{group.yoga}", {"capacity": 2}, group.salon.admin.api
    assert [row["id"] for row in admin.put(f"{url}?dry_run=1", fewer).json()["affected"]] == booked[2:]
    refused = admin.put(url, fewer)
    assert is_problem(refused, 409, "appointments_affected")
    assert [row["id"] for row in refused.json()["affected"]] == booked[2:]
    assert admin.get(url).json()["capacity"] == 3
    assert admin.put(f"{url}?keep=1", fewer).status_code == 200
    assert admin.put(url, {"price": 10}).status_code == 200
    actions = [event["action"] for event in admin.get(f"/appointments/{booked[2]}/history").json()]
    assert actions == ["booked", "kept"]
    group.people[0].api.delete(f"/appointments/me/{booked[0]}")
    assert is_problem(group.people[0].api.post("/appointments", order(group.yoga, group.day)), 409, "slot_taken")


def test_another_kind_of_room_says_whose_room_is_of_the_old_kind(salon: Salon) -> None:
    kind = f"hall {salon.fresh_day()}"
    made(salon.admin.api.post("/resources", {"name": "Hall", "type": kind}))
    group = Class(salon, resource_type=kind)
    booked = group.join(group.people[0])
    url = f"/services/{group.yoga}"
    dry = salon.admin.api.put(f"{url}?dry_run=1", {"resource_type": "chair"}).json()
    assert [row["id"] for row in dry["affected"]] == [booked]
    assert salon.admin.api.put(f"{url}?dry_run=1", {"resource_type": None}).json() == {"affected": []}
    assert salon.admin.api.get(url).json()["resource_type"] == kind


def test_more_seats_are_for_the_groups_that_are_there_too(group: Class) -> None:
    for who in group.people:
        group.join(who)
    assert group.salon.admin.api.put(f"/services/{group.yoga}", {"capacity": 4}).status_code == 200
    moved = group.join(group.people[0], "10:30")
    move = {"date": group.day, "time": "09:00"}
    assert group.people[0].api.put(f"/appointments/me/{moved}", move).status_code == 200
    refused = group.people[1].api.post("/appointments", order(group.yoga, group.day))
    assert is_problem(refused, 409, "slot_taken")
