"""A business on an environment, opened through the public API alone, and the load of its customers."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import cycle

from tests.e2e.client import Client
from tests.e2e.cluster import Environment
from tests.e2e.load import Shot, mixed

PASSWORD = "a-long-enough-password"
ADMIN = f"owner-{uuid.uuid4().hex[:8]}@e2e.example"
"""Another one each time: the folder that dev keeps its data in outlives a run."""
DAYS = 30
CUSTOMERS = 5
PROVIDERS = 4
"""Who takes so many bookings a second is not one person."""


def create_admin(environment: Environment) -> str:
    command = ["python", "-m", "bookmeup", "create-admin", "--email", ADMIN, "--name", "Owner"]
    return environment.kubectl("exec", "-i", "deployment/auth-service", "--", *command, given=PASSWORD + "\n")


@dataclass
class Salon:
    environment: Environment
    edge: Client
    admin: Client
    customers: list[Client]
    service: int
    slots: Iterator[dict[str, object]]
    """What an order of a free start says besides its service; each is given out once."""
    days: int = DAYS
    expected: set[int] = field(default_factory=set)
    """Ids of the appointments that were acknowledged."""

    def log_in_again(self) -> None:
        """Tokens live fifteen minutes."""
        self.customers = [self.edge.log_in(f"customer{n}@e2e.example", PASSWORD) for n in range(len(self.customers))]

    def book(self, client: Client) -> Shot:
        body = {"service_id": self.service, **next(self.slots)}
        return Shot("book", "POST", "/appointments", client, (201,), body, str(uuid.uuid4()))

    def plan(self) -> Iterator[Shot]:
        """What customers do, reading more than writing, through both public services."""
        customer = cycle(self.customers)
        days = cycle(day(n) for n in range(2, self.days))

        def slots() -> Shot:
            path = f"/available-timeslots?date={next(days)}&service_id={self.service}"
            return Shot("slots", "GET", path, self.edge)

        return mixed(
            [
                (35, partial(Shot, "services", "GET", "/services", self.edge)),
                (15, slots),
                (20, lambda: Shot("mine", "GET", "/appointments/me?limit=5", next(customer))),
                (10, lambda: self.book(next(customer))),
                (15, partial(Shot, "keys", "GET", "/auth/.well-known/jwks.json", self.edge)),
                (5, partial(Shot, "health", "GET", "/auth/health", self.edge)),
            ]
        )

    def lost(self) -> set[int]:
        """Acknowledged appointments that the database does not have."""
        kept = self.environment.sql("SELECT id FROM appointments WHERE status <> 'cancelled'").split()
        return self.expected - {int(id_) for id_ in kept}

    def repeated(self) -> int:
        """Keys under which more than one appointment was made."""
        query = """SELECT count(*) FROM (SELECT FROM appointments WHERE idempotency_key IS NOT NULL
                   GROUP BY customer_id, idempotency_key HAVING count(*) > 1) AS again"""
        return int(self.environment.sql(query))

    def doubled(self) -> int:
        """Taken spans that begin before an earlier one of the same provider has ended."""
        query = """WITH taken AS (
                     SELECT lower(during) AS start, max(upper(during)) OVER (
                       PARTITION BY resource_id ORDER BY lower(during), occurrence_id
                       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS until
                     FROM occupied WHERE status IN ('hold', 'pending', 'confirmed'))
                   SELECT count(*) FROM taken WHERE start < until"""
        return int(self.environment.sql(query))


def day(offset: int) -> str:
    return (datetime.now(UTC) + timedelta(days=offset)).date().isoformat()


def starts(days: int, providers: Sequence[int]) -> Iterator[dict[str, object]]:
    for offset in range(2, days):
        for minute in range(0, 24 * 60, 10):
            for provider in providers:
                yield {"date": day(offset), "time": f"{minute // 60:02}:{minute % 60:02}", "provider_id": provider}


def add_provider(admin: Client, number: int) -> int:
    """Add one who is there day and night from the day after tomorrow on, and return the id."""
    always = [{"weekday": weekday, "start_time": "00:00", "end_time": "24:00"} for weekday in range(1, 8)]
    made: int = admin.expect(201, "POST", "/providers", {"name": f"Provider {number}", "hours": always})["object_id"]
    admin.expect(200, "PUT", f"/providers/{made}/days/{day(1)}", {"intervals": []})
    return made


def open_salon(environment: Environment, edge: Client, days: int = DAYS) -> Salon:
    create_admin(environment)
    admin = edge.log_in(ADMIN, PASSWORD)
    service = admin.expect(201, "POST", "/services", {"name": "Quick cut", "price": "80 RON", "duration": 10})[
        "object_id"
    ]
    for offset in range(1, days):
        span = {"date": day(offset), "start_time": "00:00", "end_time": "24:00"}
        admin.expect(201, "POST", "/availability", span)
    for number in range(CUSTOMERS):
        edge.register(f"Customer {number}", f"customer{number}@e2e.example", PASSWORD)
    providers = [provider["id"] for provider in admin.expect(200, "GET", "/providers")]
    providers += [add_provider(admin, number) for number in range(len(providers), PROVIDERS)]
    salon = Salon(environment, edge, admin, [edge] * CUSTOMERS, service, starts(days, providers), days)
    salon.log_in_again()
    return salon
