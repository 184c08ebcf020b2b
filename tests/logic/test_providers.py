"""What is a provider's own: his location, and his duration and price for a service."""

import pytest
from tests.support.salon import Salon, is_problem, made


def shown(salon: Salon, provider: int) -> dict[str, object]:
    found: dict[str, object] = next(row for row in salon.anyone.get("/providers").json() if row["id"] == provider)
    return found


def test_a_provider_has_his_own_duration_and_price(salon: Salon) -> None:
    cut, colour = salon.make_service(duration=30), salon.make_service(duration=60, segments=[20, 20, 20])
    own = [{"service_id": cut, "duration": 45, "price": "100 RON"}, {"service_id": colour, "duration": 70}]
    mia = salon.make_provider(services=[cut, colour], own=own)
    assert shown(salon, mia)["own"] == [
        {"service_id": cut, "duration": 45, "price": "100 RON", "price_minor": 10000},
        {"service_id": colour, "duration": 70, "price": None, "price_minor": None},
    ]
    day, ana = salon.open_day(provider=mia), salon.make_customer()
    row = ana.api.get(f"/appointments/{salon.book(ana, cut, day, provider_id=mia)}").json()
    assert (row["duration"], row["price"]) == (45, "100 RON")
    row = ana.api.get(f"/appointments/{salon.book(ana, colour, day, '12:00', provider_id=mia)}").json()
    assert (row["duration"], row["price"]) == (70, "80 RON")


def test_own_terms_are_replaced_and_stay_while_the_services_do(salon: Salon) -> None:
    cut, trim = salon.make_service(), salon.make_service()
    mia = salon.make_provider(services=[cut, trim], own=[{"service_id": cut, "duration": 45}])
    salon.admin.api.put(f"/providers/{mia}", {"services": [cut]})
    assert [row["service_id"] for row in shown(salon, mia)["own"]] == [cut]  # type: ignore[attr-defined]
    assert salon.admin.api.put(f"/providers/{mia}", {"own": []}).status_code == 200
    row = shown(salon, mia)
    assert (row["own"], row["services"]) == ([], [cut])
    salon.admin.api.put(f"/providers/{mia}", {"services": None, "own": [{"service_id": trim, "price": 5}]})
    row = shown(salon, mia)
    assert (row["services"], [each["service_id"] for each in row["own"]]) == (None, [trim])  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("own", "code"),
    [
        ({"duration": 45}, "provider_does_not"),
        ({"duration": 0}, "invalid"),
        ({}, "invalid"),
        ({"price": "5 USD"}, "invalid"),
    ],
)
def test_own_terms_that_make_no_sense_are_refused(salon: Salon, own: dict[str, object], code: str) -> None:
    cut, other = salon.make_service(), salon.make_service()
    mia = salon.make_provider(services=[other])
    assert is_problem(salon.admin.api.put(f"/providers/{mia}", {"own": [{"service_id": cut, **own}]}), 422, code)


def test_own_terms_name_a_service_once_that_exists_and_fit_its_segments(salon: Salon) -> None:
    colour = salon.make_service(duration=60, segments=[20, 20, 20])
    for own, code in (
        ([{"service_id": colour, "duration": 40}], "rule_broken"),
        ([{"service_id": 2**62, "duration": 40}], "unknown_reference"),
        ([{"service_id": colour, "duration": 61}, {"service_id": colour, "price": 5}], "invalid"),
    ):
        assert is_problem(salon.admin.api.post("/providers", {"name": "Mia", "own": own}), 422, code)
    salon.make_provider(own=[{"service_id": colour, "duration": 41}])
    change = {"segments": [1, 50, 9], "duration": 60}
    assert is_problem(salon.admin.api.put(f"/services/{colour}", change), 422, "rule_broken")


def test_a_provider_works_at_a_location(salon: Salon) -> None:
    branch = made(salon.admin.api.post("/locations", {"name": "Branch", "timezone": "Asia/Tokyo"}))
    mia, service = salon.make_provider(location_id=branch), salon.make_service()
    assert shown(salon, mia)["location_id"] == branch
    day, ana = salon.open_day(provider=mia), salon.make_customer()
    row = ana.api.get(f"/appointments/{salon.book(ana, service, day, provider_id=mia)}").json()
    assert (row["location_id"], row["time"], row["starts_at"][11:16]) == (branch, "09:00", "00:00")
    unknown = {"name": "Leo", "location_id": 2**62}
    assert is_problem(salon.admin.api.post("/providers", unknown), 422, "unknown_reference")
    answered = salon.admin.api.put(f"/providers/{mia}", {"location_id": 1})
    assert is_problem(answered, 409, "appointments_affected")
