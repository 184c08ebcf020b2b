"""Limits over replicas: exactly so many tries, whoever serves them."""

import asyncio
from collections import Counter
from collections.abc import Iterator

import httpx2
import pytest
from sqlalchemy import URL, text
from tests.support.api import Api, Front, Shot, fire, session, volley
from tests.support.databases import ADMIN, engine
from tests.support.processes import Process, Site
from tests.support.salon import PASSWORD, is_problem, unique

TRIES = 10


@pytest.fixture(scope="module")
def limited(database: URL, tmp_path_factory: pytest.TempPathFactory, client: httpx2.Client) -> Iterator[Api]:
    """Accounts behind two replicas of auth and db, with limits on."""
    sites = [Site(database, tmp_path_factory.mktemp("limited"), RATE_LIMITS="on") for _ in range(2)]
    started: list[Process] = [process for site in sites for process in (site.db, site.auth)]
    try:
        for process in started:
            process.start()
        for process in started:
            process.wait()
        yield Api(Front(*sites), client)
    finally:
        for process in started:
            process.ask_to_end()
        for process in started:
            process.end()


def wrong(email: str) -> dict[str, str]:
    return {"email": email, "password": "wrong"}


def address() -> str:
    return f"{unique()}@customers.example"


def test_of_three_hundred_tries_by_ten_clients_over_two_replicas_ten_are_let_through(limited: Api) -> None:
    shot = Shot(limited, "POST", "/auth/login", wrong(ADMIN))

    async def one_client() -> list[int]:
        async with session() as opened:
            return [(await fire(opened, shot)).status for _ in range(30)]

    async def all_clients() -> list[list[int]]:
        return await asyncio.gather(*(one_client() for _ in range(10)))

    statuses = Counter(status for client in asyncio.run(all_clients()) for status in client)
    assert statuses == {401: TRIES, 429: 300 - TRIES}


def test_who_is_refused_is_told_when_to_come_back(limited: Api) -> None:
    email = address()
    for _ in range(TRIES):
        assert limited.post("/auth/login", wrong(email)).status_code == 401
    answered = limited.post("/auth/login", wrong(email))
    assert is_problem(answered, 429, "too_many_requests")
    assert 1 <= int(answered.headers["retry-after"]) <= 300


def test_another_account_and_another_network_are_not_held_up(limited: Api) -> None:
    email = address()
    assert {limited.post("/auth/login", wrong(email.upper())).status_code for _ in range(TRIES)} == {401}
    assert limited.post("/auth/login", wrong(email)).status_code == 429
    assert limited.post("/auth/login", wrong(address())).status_code == 401
    elsewhere = {"x-forwarded-for": "203.0.113.7"}
    assert limited.post("/auth/login", wrong(email), headers=elsewhere).status_code == 401


def test_a_network_is_one_subject_whatever_its_last_numbers(limited: Api) -> None:
    email = address()
    for networks in (("198.51.100.{}", "198.51.101.1"), ("2001:db8:0:7{:02x}::1", "2001:db8:0:800::1")):
        inside, outside = networks
        for number in range(TRIES):
            headers = {"x-forwarded-for": inside.format(number)}
            assert limited.post("/auth/login", wrong(email), headers=headers).status_code == 401
        headers = {"x-forwarded-for": inside.format(99)}
        assert limited.post("/auth/login", wrong(email), headers=headers).status_code == 429
        headers = {"x-forwarded-for": outside}
        assert limited.post("/auth/login", wrong(email), headers=headers).status_code == 401


def test_after_a_tenth_of_the_time_there_is_one_more_try(limited: Api, database: URL) -> None:
    email = address()
    answers = volley([Shot(limited, "POST", "/auth/login", wrong(email))] * 8)
    assert {answer.status for answer in answers} == {401}
    for _ in range(3):
        limited.post("/auth/login", wrong(email))
    assert limited.post("/auth/login", wrong(email)).status_code == 429
    with engine(database).begin() as connection:  # the clock is PostgreSQL's own
        older = text("UPDATE rate_limits SET arrival_at = arrival_at - interval '30 s' WHERE subject LIKE :who")
        connection.execute(older, {"who": f"{email}%"})
    statuses = [limited.post("/auth/login", wrong(email)).status_code for _ in range(2)]
    assert statuses == [401, 429]


def test_a_right_password_is_refused_too_once_the_tries_are_used_up(limited: Api) -> None:
    email = address()
    body = {"name": "Ana", "email": email, "password": PASSWORD}
    assert limited.post("/auth/register", body).status_code == 201
    for _ in range(TRIES):
        limited.post("/auth/login", wrong(email))
    assert limited.post("/auth/login", {"email": email, "password": PASSWORD}).status_code == 429


def test_health_knows_no_limit(limited: Api) -> None:
    assert {limited.get("/auth/health").status_code for _ in range(30)} == {200}
