"""Everybody wants every slot, through two replicas of each role: a slot has one winner and many clean losers."""

import asyncio
from collections.abc import Sequence

from sqlalchemy import URL
from tests.proofs import crowd
from tests.proofs.conftest import SIZES, Figure
from tests.proofs.crowd import Told
from tests.support.races import MINUTES, counted, overlaps, times
from tests.support.salon import Person, Salon, order

A_DAY = 20
LIMIT = 0.5
"""Seconds within which 99 of 100 are answered; looked at in full alone."""


def rushes(salon: Salon, customers: Sequence[Person], service: int, days: Sequence[str]) -> list[Told]:
    """Have all of them want one slot after the other, on connections that they keep."""

    async def main() -> list[Told]:
        told: list[Told] = []
        async with crowd.connections() as opened:
            for n in range(SIZES.slots):
                wanted = order(service, days[n // A_DAY], times(A_DAY)[n % A_DAY])
                shots = crowd.bookings(customers, salon.anyone, wanted)
                told += await crowd.together(opened, shots)
        return told

    return asyncio.run(main())


def test_every_slot_that_everybody_wants_has_one_winner(
    spread_salon: Salon, worker_database: URL, figure: Figure
) -> None:
    customers = spread_salon.make_customers(SIZES.racers)
    service = spread_salon.make_service(duration=MINUTES)
    days = [spread_salon.open_day() for _ in range(-(-SIZES.slots // A_DAY))]
    told = rushes(spread_salon, customers, service, days)
    p99 = sorted(one.seconds for one in told)[len(told) * 99 // 100]
    figure("1 race: answers", dict(crowd.counted(told)))
    figure("1 race: 503 or broken", crowd.repeated(told))
    figure("1 race: overlaps", overlaps(worker_database))
    figure("1 race: p99", f"{p99 * 1000:.0f} ms (limit {LIMIT * 1000:.0f} ms)")
    assert crowd.counted(told) == {201: SIZES.slots, 409: SIZES.slots * (SIZES.racers - 1)}
    assert sum(counted(spread_salon, day, service) for day in days) == SIZES.slots
    assert overlaps(worker_database) == 0
    if SIZES.is_full:
        assert crowd.repeated(told) == 0
        assert p99 < LIMIT
