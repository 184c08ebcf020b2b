"""A believable salon in Bucharest: what a demo shows. Only an empty database takes it, or one that has it already."""

import random
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import URL, Connection, create_engine, text
from sqlalchemy.pool import NullPool

from bookmeup.domain.clock import instant, local, moment
from bookmeup.domain.schedule import Hours, Schedule
from bookmeup.domain.slots import Calendar, Terms, offered
from bookmeup.domain.spans import Span

PASSWORD = "bookmeup-demo"  # noqa: S105 - a demo's, said on the screen
ADMIN, STAFF, CUSTOMER = "admin@bookmeup.example", "staff@bookmeup.example", "customer@bookmeup.example"
NAME, ZONE, CURRENCY = "Salon Magnolia", "Europe/Bucharest", "RON"
PLACE = ZoneInfo(ZONE)
DAYS = 21


class DemoService(NamedTuple):
    name: str
    minutes: int
    price: int
    description: str


class DemoProvider(NamedTuple):
    """`services` are places in SERVICES; hours are (weekdays, start, end) in minutes after midnight."""

    name: str
    services: tuple[int, ...]
    hours: tuple[tuple[tuple[int, ...], int, int], ...]


SERVICES = (
    DemoService("Women's haircut", 60, 18000, "Wash, cut and blow-dry."),
    DemoService("Men's haircut", 30, 9000, "Clippers or scissors."),
    DemoService("Children's haircut", 30, 7000, "Up to twelve years."),
    DemoService("Beard trim", 20, 5000, "Shaped with a razor."),
    DemoService("Blow-dry", 45, 8050, "For short and long hair."),
    DemoService("Colour", 120, 32000, "One colour, roots to ends."),
    DemoService("Highlights", 150, 42000, "By foil or balayage."),
    DemoService("Manicure", 45, 10000, "Classic."),
    DemoService("Gel manicure", 75, 16000, "Holds for three weeks."),
    DemoService("Pedicure", 60, 14000, "With a foot bath."),
    DemoService("Facial", 60, 20000, "Cleansing and mask."),
    DemoService("Brow shaping", 20, 4500, "Threading or tweezers."),
)
LATE = (((1, 2, 3, 4, 5), 11 * 60, 20 * 60), ((6,), 9 * 60, 15 * 60))
SPLIT = (((1, 2, 3, 4, 5), 9 * 60, 13 * 60), ((1, 2, 3, 4, 5), 14 * 60, 18 * 60))
PROVIDERS = (
    DemoProvider("Ioana Marin", (0, 2, 4, 5, 6), SPLIT),
    DemoProvider("Mihai Popa", (0, 1, 2, 3, 4), LATE),
    DemoProvider("Elena Dumitru", (7, 8, 9, 11), SPLIT),
    DemoProvider("Ana Stan", (7, 8, 10, 11), LATE),
)
CUSTOMERS = ("Maria Ionescu", "Andrei Pavel", "Cristina Radu", "Vlad Georgescu", "Irina Matei", "Radu Enache",
             "Alina Tudor", "Sorin Lazar")  # fmt: skip
BOOKED_SHARE = 0.35


class RealDataError(Exception):
    """The database holds data that is not a demo's."""


def fill(url: str | URL, password_hash: str, progress: Callable[[str], None]) -> bool:
    """Fill the database, in one transaction; return False where the demo is there already."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("LOCK TABLE locations IN EXCLUSIVE MODE"))
        if _is_demo(connection):
            return False
        if _has_data(connection):
            raise RealDataError("This database holds real data: the demo stays out of it.")
        progress("accounts")
        _place(connection)
        users = _users(connection, password_hash)
        progress("services and providers")
        services = _services(connection)
        providers = _providers(connection, services)
        progress("three weeks of appointments")
        _appointments(connection, users, services, providers)
    return True


def is_there(url: str | URL) -> bool:
    """Whether the database holds the demo's accounts."""
    with create_engine(url, poolclass=NullPool).connect() as connection:
        return _is_demo(connection)


def _is_demo(connection: Connection) -> bool:
    found = connection.scalar(text("SELECT count(*) FROM users WHERE email = ANY(:demo)"), {"demo": [ADMIN, STAFF]})
    return bool(found == 2)  # noqa: PLR2004 - both


def _has_data(connection: Connection) -> bool:
    query = text(
        "SELECT EXISTS (SELECT 1 FROM users) OR EXISTS (SELECT 1 FROM services) OR EXISTS (SELECT 1 FROM availability)"
    )
    return bool(connection.scalar(query))


def _place(connection: Connection) -> None:
    """Name the location, and retire the default provider: the demo's have hours of their own."""
    connection.execute(
        text("UPDATE locations SET name = :name, timezone = :zone, currency = :currency, address = :address, "
             "catalogue_version = catalogue_version + 1"),
        {"name": NAME, "zone": ZONE, "currency": CURRENCY, "address": "Strada Academiei 12, Bucharest"},
    )  # fmt: skip
    connection.execute(text("UPDATE providers SET retired_at = now() WHERE is_default"))


def _users(connection: Connection, password_hash: str) -> list[int]:
    """Make the three accounts and the customers without one; return the customers' ids."""
    accounts = (("Admin", ADMIN, "admin"), ("Staff", STAFF, "staff"), ("Customer", CUSTOMER, "customer"))
    insert = text("INSERT INTO users (name, email, role) VALUES (:name, :email, :role) RETURNING id")
    ids = [
        connection.execute(insert, {"name": name, "email": email, "role": role}).scalar_one()
        for name, email, role in accounts
    ]
    secret = text("INSERT INTO passwords (user_id, hash) VALUES (:user, :hash)")
    connection.execute(secret, [{"user": user, "hash": password_hash} for user in ids])
    guest = text("INSERT INTO users (name, phone) VALUES (:name, :phone) RETURNING id")
    return [ids[-1]] + [
        connection.execute(guest, {"name": name, "phone": f"+40 721 000 {number:03d}"}).scalar_one()
        for number, name in enumerate(CUSTOMERS, 1)
    ]


def _services(connection: Connection) -> list[int]:
    insert = text("INSERT INTO services (name, duration, price_minor, currency, description) "
                  "VALUES (:name, :minutes, :price, :currency, :description) RETURNING id")  # fmt: skip
    return [
        connection.execute(insert, {**service._asdict(), "currency": CURRENCY}).scalar_one() for service in SERVICES
    ]


def _providers(connection: Connection, services: list[int]) -> list[int]:
    ids = []
    for provider in PROVIDERS:
        made = connection.execute(text("INSERT INTO resources (kind) VALUES ('provider') RETURNING id")).scalar_one()
        ids.append(made)
        connection.execute(
            text("INSERT INTO providers (id, name) VALUES (:id, :name)"), {"id": made, "name": provider.name}
        )
        performs = [{"provider": made, "service": services[place]} for place in provider.services]
        connection.execute(text("INSERT INTO provider_services VALUES (:provider, :service)"), performs)
        hours = [{"provider": made, **hours._asdict()} for hours in _hours(provider)]
        connection.execute(
            text("INSERT INTO weekly_hours (provider_id, weekday, start_minute, end_minute) "
                 "VALUES (:provider, :weekday, :start_minute, :end_minute)"),
            hours,
        )  # fmt: skip
    # Old clients add an availability without naming a provider: it is the first one's.
    connection.execute(text("UPDATE providers SET is_default = true WHERE id = :id"), {"id": ids[0]})
    return ids


def _hours(provider: DemoProvider) -> Iterator[Hours]:
    for weekdays, start, end in provider.hours:
        for weekday in weekdays:
            yield Hours(weekday, start, end)


def _appointments(connection: Connection, users: list[int], services: list[int], providers: list[int]) -> None:
    """Book about a third of each provider's time, from the next day on, the same for everybody."""
    chance = random.Random(12)
    now = int(connection.execute(text("SELECT extract(epoch FROM now())::bigint")).scalar_one())
    first = local(now, PLACE).date() + timedelta(days=1)
    for place, provider in enumerate(PROVIDERS):
        for ahead in range(DAYS):
            for start, service in _day(provider, first + timedelta(days=ahead), now, chance):
                booked = SERVICES[service]
                _book(connection, chance.choice(users), services[service], providers[place], start, booked)


def _day(provider: DemoProvider, day: date, now: int, chance: random.Random) -> Iterator[tuple[int, int]]:
    """Yield (start, place of the service) of a day's appointments."""
    schedule, taken = Schedule(tuple(_hours(provider))), list[Span]()
    open_minutes = sum(end - start for start, end in schedule.intervals(day))
    while sum(end - start for start, end in taken) < open_minutes * 60 * BOOKED_SHARE:
        service = chance.choice(provider.services)
        terms = Terms((SERVICES[service].minutes * 60,))
        found = dict(offered([day], Calendar(schedule, taken), terms, PLACE, now)).get(day, [])
        starts = [at for wall in found if wall % 30 == 0 and (at := instant(day, wall, PLACE)) is not None]
        if not starts:
            return
        start = chance.choice(starts)
        taken.extend(terms.occupied(start))
        yield start, service


_BOOK = text("""
WITH o AS (INSERT INTO occurrences (service_id, starts_at, ends_at) VALUES (:service, :starts, :ends) RETURNING id),
a AS (INSERT INTO appointments (occurrence_id, customer_id, service_id, provider_id, starts_at, ends_at, duration,
        price_minor, currency, buffer_before, buffer_after)
      SELECT id, :customer, :service, :provider, :starts, :ends, :minutes, :price, :currency, 0, 0 FROM o)
INSERT INTO occupied (occurrence_id, resource_id, during, status)
SELECT id, :provider, tstzrange(:starts, :ends), 'confirmed' FROM o
""")


def _book(connection: Connection, customer: int, service: int, provider: int, start: int, what: DemoService) -> None:
    connection.execute(
        _BOOK,
        {
            "customer": customer,
            "service": service,
            "provider": provider,
            "starts": moment(start),
            "ends": moment(start + what.minutes * 60),
            "minutes": what.minutes,
            "price": what.price,
            "currency": CURRENCY,
        },
    )
