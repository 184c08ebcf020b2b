"""The role `all`: the same API behind one port, calls between the roles in-process."""

import pytest
from tests.support.api import Front
from tests.support.processes import Site
from tests.support.races import rush, statuses
from tests.support.salon import Salon, is_problem


@pytest.fixture
def whole(everything: Site, salon: Salon) -> Salon:
    return salon.through(Front(everything))


def test_one_process_registers_signs_in_offers_books_lists_and_cancels(whole: Salon) -> None:
    service, day, ana = whole.make_service(), whole.open_day(), whole.make_customer()
    assert whole.slots(service, day)
    booked = whole.book(ana, service, day)
    assert [row["id"] for row in ana.api.get("/appointments/me").json()] == [booked]
    assert ana.api.delete(f"/appointments/me/{booked}").status_code == 200
    assert ana.api.delete("/auth/logout").status_code == 200
    assert is_problem(ana.api.get("/profile"), 401, "unauthenticated")


def test_one_process_sells_a_slot_once(whole: Salon) -> None:
    service, day, customers = whole.make_service(), whole.open_day(), whole.make_customers(10)
    assert statuses(rush(customers, whole.anyone, service, day, "09:00")) == {201: 1, 409: 9}


@pytest.mark.parametrize("path", ["/users/me", "/slots", "/signing-keys", "/passwords", "/admins", "/sessions"])
def test_what_is_dbs_alone_is_not_public(whole: Salon, salon: Salon, path: str) -> None:
    for api in (whole.anyone, salon.anyone):
        assert is_problem(api.get(path), 404, "not_found")


def test_health_is_told_by_all_of_them(whole: Salon) -> None:
    for path in ("/health", "/auth/health", "/livez", "/readyz"):
        assert whole.anyone.get(path).status_code == 200
