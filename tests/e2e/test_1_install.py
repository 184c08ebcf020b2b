"""prod on an empty cluster, and a customer's way through its door."""

from tests.e2e.client import Client
from tests.e2e.cluster import DEPLOYMENTS, Environment, say
from tests.e2e.salon import PASSWORD, Salon, day


def test_one_apply_brings_up_everything(prod: Environment) -> None:
    counts = {app: len(prod.names(app)) for app in DEPLOYMENTS}
    assert counts == {"auth-service": 2, "logic-service": 2, "db-service": 2, "postgres": 1, "adminer": 1}
    lengths = {key: len(value) for key, value in prod.secret().items()}
    assert set(lengths) == {
        "POSTGRES_USER",
        "POSTGRES_PASSWORD",
        "JWT_SECRET_KEY",
        "AUTH_SERVICE_KEY",
        "LOGIC_SERVICE_KEY",
    }
    assert all(length >= 32 for key, length in lengths.items() if key != "POSTGRES_USER")
    restarts = prod.restarts()
    say(f"pods: {counts}; restarts since: {sum(restarts.values())}; secrets made: {len(lengths)}")


def test_a_customer_books_through_the_door(edge: Client, salon: Salon) -> None:
    edge.register("Ana", "ana@e2e.example", PASSWORD)
    ana = edge.log_in("ana@e2e.example", PASSWORD)

    services = edge.expect(200, "GET", "/services")
    offered = f"/available-timeslots?date={day(1)}&service_id={salon.service}"
    free = edge.expect(200, "GET", offered)["available_slots"]
    booking = {"service_id": salon.service, "date": day(1), "time": free[0]}
    booked = ana.expect(201, "POST", "/appointments", booking, {"Idempotency-Key": "ana-1"})
    again = ana.expect(201, "POST", "/appointments", booking, {"Idempotency-Key": "ana-1"})
    rival = salon.customers[0].call("POST", "/appointments", booking)
    mine = ana.expect(200, "GET", "/appointments/me")
    left = edge.expect(200, "GET", offered)["available_slots"]

    assert [service["price"] for service in services] == ["80 RON"]
    assert again["object_id"] == booked["object_id"]
    assert (rival.status, "error" in rival.json) == (409, True)
    assert [(a["id"], a["date"], a["time"]) for a in mine] == [(booked["object_id"], day(1), free[0])]
    assert free[0] not in left
    salon.expected.add(booked["object_id"])
    say(f"register, log in, list, {len(free)} slots, book, list again: {len(left)} slots; a second customer got 409")


def test_db_service_is_not_reachable_from_outside(edge: Client) -> None:
    for path in ("/users", "/users/1", "/db", "/metrics"):
        assert edge.get(path).status in {401, 404}


def test_a_second_apply_changes_nothing(prod: Environment, salon: Salon) -> None:
    tables = prod.tables()
    kept = [table for table in tables if table not in {"signing_keys", "rate_limits", "idempotency_keys"}]
    objects, pods, secret, rows = prod.declared(), prod.restarts(), prod.secret(), prod.fingerprint(kept)

    lines = prod.apply().splitlines()
    seconds = prod.wait()

    said = [line for line in lines if not line.endswith("unchanged")]
    say(f"second apply: {len(lines)} objects, not said to be unchanged: {said or 'none'}; settled in {seconds:.1f} s")
    assert prod.declared() == objects
    assert prod.restarts() == pods, "no pod was replaced or restarted"
    assert prod.secret() == secret
    assert prod.fingerprint(kept) == rows
