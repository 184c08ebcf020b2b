"""Booking through real HTTP."""

from tests.support.salon import Salon, order


def test_a_slot_is_sold_once(salon: Salon) -> None:
    service, day, ana, ion = salon.make_service(), salon.open_day(), salon.make_customer(), salon.make_customer()
    assert "09:00" in salon.slots(service, day)
    salon.book(ana, service, day, "09:00")
    assert ion.api.post("/appointments", order(service, day, "09:00")).status_code == 409


def test_two_replicas_sell_it_once_too(spread_salon: Salon) -> None:
    salon = spread_salon
    service, day, ana, ion = salon.make_service(), salon.open_day(), salon.make_customer(), salon.make_customer()
    salon.book(ana, service, day, "09:00")
    assert ion.api.post("/appointments", order(service, day, "09:00")).status_code == 409
