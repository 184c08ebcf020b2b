"""A group has as many seats as it has: whoever leaves makes room for one."""

from sqlalchemy import URL, text
from tests.proofs import crowd
from tests.proofs.conftest import SIZES, Figure
from tests.support.databases import engine
from tests.support.salon import Salon, patient

TIME = "09:00"


def seats(url: URL, service: int) -> list[int]:
    """Return the numbers of the seats that are taken."""
    asked = text("SELECT seat_no FROM appointments WHERE service_id = :id AND status <> 'cancelled' ORDER BY 1")
    with engine(url).connect() as connection:
        return list(connection.scalars(asked, {"id": service}))


def test_a_group_sells_all_its_seats_and_no_more_and_one_that_is_given_up_once_more(
    spread_salon: Salon, worker_database: URL, figure: Figure
) -> None:
    salon, all_seats = spread_salon, list(range(1, SIZES.seats + 1))
    customers = salon.make_customers(SIZES.seat_racers)
    service, day = salon.make_service(capacity=SIZES.seats), salon.open_day()
    told = crowd.rush(customers, salon.anyone, service, day, TIME)
    figure("5 seats: first rush", dict(crowd.counted(told)))
    assert crowd.counted(told) == {201: SIZES.seats, 409: len(customers) - SIZES.seats}
    assert seats(worker_database, service) == all_seats

    leaver = next(n for n, one in enumerate(told) if one.status == 201)
    (left,) = crowd.made([told[leaver]])
    assert patient(lambda: customers[leaver].api.delete(f"/appointments/me/{left}")).status_code == 200
    again = crowd.rush(customers, salon.anyone, service, day, TIME)
    figure("5 seats: after one is cancelled", dict(crowd.counted(again)))
    assert crowd.counted(again) == {201: 1, 409: len(customers) - 1}
    assert seats(worker_database, service) == all_seats
