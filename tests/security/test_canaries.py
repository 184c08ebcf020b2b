"""T30: what is secret or personal is in no log line, and in no answer that it was not asked for in."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import text
from tests.support.api import Front
from tests.support.databases import Server, engine
from tests.support.processes import Site, running
from tests.support.salon import Salon

CANARIES = {
    "password": "Canary-Pass-5up3r",
    "new password": "Canary-N3w-Pass",
    "email": "canary-mail@birds.example",
    "guest email": "canary-guest@birds.example",
    "phone": "+40 799 123 456",
    "name": "Canary Namebird",
    "guest name": "Canary Guestbird",
    "jwt secret": "canary-jwt-" + "c4n4ry" * 8,
    "auth key": "canary-auth-" + "k4y" * 14,
    "logic key": "canary-logic-" + "k4z" * 14,
    "header": "canary-authorization-value",
    "cookie": "canary-cookie-value",
}


@pytest.fixture(scope="module")
def watched(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The three roles with secrets that can be recognised, saying all that they say."""
    with server.database() as url:
        site = Site(
            url,
            tmp_path_factory.mktemp("watched"),
            JWT_SECRET_KEY=CANARIES["jwt secret"],
            AUTH_SERVICE_KEY=CANARIES["auth key"],
            LOGIC_SERVICE_KEY=CANARIES["logic key"],
            LOG_LEVEL="debug",
        )
        with running(site):
            yield site


@pytest.fixture(scope="module")
def answers(watched: Site, client: httpx2.Client) -> list[httpx2.Response]:
    """All that was answered to requests that carry canaries everywhere, faults of the database among them."""
    salon = Salon(Front(watched), client)
    api, email, password = salon.anyone, CANARIES["email"], CANARIES["password"]
    who = {"name": CANARIES["name"], "email": email, "password": password}
    heard = [
        api.post("/auth/register", who),
        api.post("/auth/register", who),
        api.post("/auth/register", {**who, "role": "admin"}),
    ]
    person = salon.sign_in(email, password)
    token = person.api.token or ""
    odd = {"authorization": f"Bearer {CANARIES['header']}", "cookie": f"bookmeup={CANARIES['cookie']}"}
    service, day = salon.make_service(), salon.open_day()
    guest = {"name": CANARIES["guest name"], "email": CANARIES["guest email"], "phone": CANARIES["phone"]}
    salon.book(salon.admin, service, day, customer=guest)
    heard += [
        api.post("/auth/login", {"email": email, "password": password + "x"}),
        api.post("/auth/login", {"email": email + "@", "password": password}),
        api.request("POST", "/auth/login", content=f'{{"email": "{email}", "password": "{password}"'.encode()),
        api.request("POST", "/auth/login", data={"email": email, "password": password}),
        api.get(f"/nowhere/{email}/{token}"),
        api.get("/available-timeslots", {"date": email, "service_id": token, "password": password}),
        api.request("GET", "/profile", headers=odd),
        api.request("GET", "/my", headers=odd),
        person.api.post("/appointments", {"service_id": 10**9, "date": day, "time": "09:00", "x": password}),
        person.api.put("/profile", {"email": salon.admin.email, "password": CANARIES["new password"]}),
        person.api.put("/appointments/me/1", {"date": password, "time": email}),
        api.post("/auth/sign-in", None),
    ]
    with engine(watched.database).begin() as connection:  # a fault of the database, with the values of the statement
        connection.execute(text("ALTER TABLE users RENAME COLUMN email TO email_gone"))
    heard += [api.post("/auth/login", {"email": email, "password": password}), person.api.get("/profile"),
              api.post("/auth/register", {**who, "email": "x" + email})]  # fmt: skip
    with engine(watched.database).begin() as connection:
        connection.execute(text("ALTER TABLE users RENAME COLUMN email_gone TO email"))
    return heard


def test_the_fault_of_the_database_was_one(answers: list[httpx2.Response]) -> None:
    assert {answered.status_code for answered in answers[-3:]} <= {500, 503}
    assert all(answered.json()["request_id"] for answered in answers[-3:])


@pytest.mark.parametrize("canary", CANARIES)
def test_no_line_of_a_log_holds_it(canary: str, answers: list[httpx2.Response], watched: Site) -> None:
    for process in watched.processes:
        log = process.log.read_text()
        assert log.count("\n") > 3
        assert CANARIES[canary] not in log, process.role


def test_no_line_of_a_log_holds_a_token_or_a_hash(answers: list[httpx2.Response], watched: Site) -> None:
    for process in watched.processes:
        log = process.log.read_text()
        assert "eyJ" not in log
        assert "argon2id" not in log


SAID_BACK = {"name", "guest name"}


@pytest.mark.parametrize("canary", sorted(CANARIES.keys() - SAID_BACK))
def test_no_answer_of_a_refusal_holds_it(canary: str, answers: list[httpx2.Response]) -> None:
    for answered in answers:
        if answered.status_code >= 400:
            assert CANARIES[canary] not in answered.text + str(answered.headers), answered.request.url


def test_no_answer_tells_what_is_inside(answers: list[httpx2.Response]) -> None:
    for answered in answers:
        told = (answered.text + str(answered.headers)).lower()
        for word in (
            "traceback",
            "psycopg",
            "sqlalchemy",
            "select ",
            "email_gone",
            "/src/",
            "site-packages",
            "uvicorn",
            "argon2",
        ):
            assert word not in told, (answered.request.url, word)


def test_a_process_has_no_children_that_could_inherit_secrets(watched: Site) -> None:
    for process in watched.processes:
        tasks = Path(f"/proc/{process.popen.pid}/task")
        assert [task.name for task in tasks.iterdir() if (task / "children").read_text().split()] == []


def test_nothing_lies_about_in_files(watched: Site) -> None:
    folder = watched.db.log.parent
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".log":
            content = path.read_bytes()
            assert not any(canary.encode() in content for canary in CANARIES.values()), path
