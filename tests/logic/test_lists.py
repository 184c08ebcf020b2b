"""Every list is read in pages that a Link header joins, and is never longer than a thousand rows."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text
from tests.support.api import Api, Front
from tests.support.databases import Server, engine
from tests.support.processes import Site, running
from tests.support.salon import Salon, ids, is_problem, made


def pages(api: Api, path: str, limit: int | None = None) -> Iterator[list[dict[str, Any]]]:
    """Yield a list page by page."""
    answered = api.get(path, None if limit is None else {"limit": limit})
    while True:
        assert answered.status_code == 200, answered.text
        yield answered.json()
        if "next" not in answered.links:
            return
        answered = api.get(answered.links["next"]["url"])


def sizes(api: Api, path: str) -> list[int]:
    return [len(page) for page in pages(api, path)]


def test_a_date_s_availability_is_read_in_pages(salon: Salon) -> None:
    day = salon.fresh_day()
    for hour in (9, 11, 13):
        salon.open_day(f"{hour:02}:00", f"{hour + 1:02}:00", day=day)
    found = list(pages(salon.admin.api, f"/availability/{day}", 2))
    assert [[row["start_time"] for row in page] for page in found] == [["09:00", "11:00"], ["13:00"]]
    assert [len(page) for page in pages(salon.admin.api, f"/availability/{day}")] == [3]


def test_a_page_of_one_list_is_not_a_page_of_another(salon: Salon) -> None:
    salon.make_provider()
    page = salon.admin.api.get("/providers", {"limit": 1})
    cursor = page.links["next"]["url"].partition("cursor=")[2]
    assert is_problem(salon.admin.api.get(f"/locations?cursor={cursor}"), 400, "bad_cursor")
    assert is_problem(salon.admin.api.get("/providers", {"limit": 0}), 422, "invalid")


def test_the_pages_of_a_location_s_closures_stay_at_the_location(salon: Salon) -> None:
    here, there = (made(salon.admin.api.post("/locations", {"name": "Branch"})) for _ in range(2))
    days = [salon.fresh_day() for _ in range(3)]
    for place in (here, there):
        for day in days:
            span = {"starts_at": f"{day}T09:00:00Z", "ends_at": f"{day}T10:00:00Z", "location_id": place}
            made(salon.admin.api.post("/closures", span))
    first = salon.anyone.get("/closures", {"location_id": here, "limit": 2})
    rest = salon.anyone.get(first.links["next"]["url"])
    assert [row["location_id"] for row in (*first.json(), *rest.json())] == [here] * 3
    assert "next" not in rest.links


@pytest.fixture(scope="module")
def large(salon: Salon, server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Salon]:
    """A business with 1 001 of everything that old clients list."""
    with server.database() as url:
        with engine(url).begin() as connection:
            for statement in MANY:
                connection.execute(text(statement))
        site = Site(url, tmp_path_factory.mktemp("large"))
        with running(site):
            yield salon.through(Front(site))


MANY = (
    """INSERT INTO services (name, duration, price_minor, currency)
    SELECT 'Service ' || n, 30, 0, 'EUR' FROM generate_series(1, 1001) n""",
    """INSERT INTO availability (provider_id, date, start_minute, end_minute)
    SELECT id, '2027-03-01', n, n + 1 FROM providers, generate_series(1, 1001) n WHERE is_default""",
    "INSERT INTO users (name, email) SELECT 'Ana', n || '@many.example' FROM generate_series(1, 1001) n",
)


@pytest.mark.parametrize("path", ["/services", "/services/all", "/availability/2027-03-01"])
def test_without_a_limit_a_thousand_rows_come_and_a_link_to_the_rest(large: Salon, path: str) -> None:
    found = list(pages(large.admin.api, path))
    assert [len(page) for page in found] == [1000, 1]
    assert len(set(ids([row for page in found for row in page]))) == 1001


def test_more_than_a_thousand_users_are_listed_in_pages_too(large: Salon) -> None:
    first, *rest = sizes(large.admin.api, "/auth/users")
    assert first == 1000
    assert sum(rest) >= 2
