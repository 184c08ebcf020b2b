"""T26, T27: what stands in for a parameter stays data; what is stored comes back as it was, and nothing with it."""

import json
import time
from collections.abc import Iterator

import httpx2
import pytest
from sqlalchemy import text
from tests.support.databases import engine
from tests.support.processes import Site
from tests.support.salon import PASSWORD, Person, Salon, order, unique

SQL = [
    "'", '"', "''", "';--", "1' OR '1'='1", "1 OR 1=1", "1; DROP TABLE users", "'; DROP TABLE appointments; --",
    "1) OR (1=1",
    "1 UNION SELECT hash FROM passwords", "' UNION SELECT null,hash,null,null FROM passwords--",
    "1; SELECT pg_sleep(5)",
    "'||pg_sleep(5)||'", "(SELECT pg_sleep(5))", "1/**/OR/**/1=1", "$$;DROP TABLE users$$", "E'\\\\'", "\\", "%", "_",
    "%27",
    ":actor", "%(actor)s", "{0}", "${x}", "$1", "\\x27", "1e309", "NaN", "Infinity", "NULL", "true", "now()",
    "current_user",
    "COPY users TO PROGRAM 'id'", "\u02bc OR 1=1", "\uff07 OR 1=1",
    "a' AND 1=CAST((SELECT hash FROM passwords LIMIT 1) AS int)--",
]  # fmt: skip
HIDDEN = ["argon2", "relation", "syntax error", "psycopg", "sqlalchemy", "Traceback", "SELECT "]


@pytest.fixture(scope="module")
def person(salon: Salon) -> Person:
    return salon.make_customer()


@pytest.fixture(autouse=True)
def the_tables_stand(roles: Site) -> Iterator[None]:
    before = counted(roles)
    yield
    after = counted(roles)
    assert before.keys() == after.keys()
    assert all(after[table] >= rows for table, rows in before.items())


def counted(site: Site) -> dict[str, int]:
    with engine(site.database).connect() as connection:
        tables = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
        count = "SELECT count(*) FROM "
        return {
            table: connection.execute(text(count + table)).scalar_one() for table in tables if table != "rate_limits"
        }


def harmless(answered: httpx2.Response, began: float) -> httpx2.Response:
    assert answered.status_code < 500, answered.text
    assert time.monotonic() - began < 2.0, "it slept"
    assert not any(word in answered.text for word in HIDDEN), answered.text
    return answered


QUERIES = [
    ("/available-timeslots", "date"), ("/available-timeslots", "service_id"), ("/available-timeslots", "provider_id"),
    ("/appointments", "limit"), ("/appointments", "cursor"), ("/appointments/me", "limit"), ("/appointments/me",
    "cursor"),
    ("/appointments/date/2027-01-01", "cursor"), ("/auth/users", "limit"), ("/auth/users", "cursor"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "name"), QUERIES)
def test_no_query_is_sql(path: str, name: str, salon: Salon) -> None:
    fine = {"date": "2027-01-01", "service_id": "1"} if "slots" in path else {}
    for attack in SQL:
        answered = harmless(salon.admin.api.get(path, {**fine, name: attack}), time.monotonic())
        nothing = attack == "NULL"  # read as if the parameter were not there
        assert answered.status_code in (400, 404, 422) or (nothing and answered.status_code == 200), attack


@pytest.mark.parametrize(
    "path", ["/appointments/{}", "/appointments/date/{}", "/availability/{}", "/auth/users/{}/role"]
)
def test_no_path_is_sql(path: str, salon: Salon) -> None:
    for attack in SQL:
        quoted = httpx2.QueryParams({"x": attack})
        odd = str(quoted).removeprefix("x=").replace("+", "%20")
        answered = harmless(salon.admin.api.get(path.format(odd)), time.monotonic())
        assert answered.status_code in (400, 404, 405, 422), attack


@pytest.mark.parametrize("name", ["Idempotency-Key", "If-Match", "X-Request-ID", "X-Deadline-Ms", "Prefer"])
def test_no_header_is_sql(name: str, salon: Salon, person: Person) -> None:
    wanted = order(10**9, "2027-01-01")
    for attack in (each for each in SQL if each.isascii()):
        harmless(person.api.post("/appointments", wanted, headers={name: attack}), time.monotonic())
        harmless(person.api.delete("/appointments/me/987654321", headers={name: attack}), time.monotonic())


def test_no_address_and_no_password_is_sql(salon: Salon) -> None:
    for attack in SQL:
        for body in ({"email": attack, "password": PASSWORD}, {"email": f"{attack}@x", "password": attack},
                     {"email": "admin@bookmeup.example", "password": attack}):  # fmt: skip
            answered = harmless(salon.anyone.post("/auth/login", body), time.monotonic())
            assert answered.status_code in (401, 422), body


NAMES = [
    *SQL, "Robert'); DROP TABLE users;--", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "{{7*7}}",
    "{% raw %}",
    "=1+1", "+1+1", "-1+1", "@SUM(A1)", "=cmd|' /C calc'!A0", "a,b", 'a"b', "a;b", "a\\nb", "BEGIN:VCALENDAR", "a\\,b",
    "\u202egnp.exe", "\u2028line", "\u0000x".replace("\u0000", "0"), "\ufeffbom", "Zo\u00eb \u5317\u4eac \U0001f511",
    "e\u0301",
    "x" * 200, " leading", "trailing ", "null", "0", "undefined", "-", "../../etc/passwd", "%s%s%s%n", "`id`",
    "$(id)", "|id",
    "Set-Cookie: a=b", "a%0d%0aX: y", "]]>", "&lt;", "</title>", "javascript:alert(1)", "http://169.254.169.254/",
]  # fmt: skip


def test_a_name_comes_back_as_it_was(salon: Salon, person: Person) -> None:
    for name in NAMES:
        assert harmless(person.api.put("/profile", {"name": name}), time.monotonic()).status_code == 200, name
        assert person.api.get("/profile").json()["name"] == name


def test_names_and_words_of_the_business_come_back_as_they_were(salon: Salon) -> None:
    for name in NAMES[::3]:
        service = salon.make_service(name=name, description=f"{name}\n{name}")
        found = next(each for each in salon.anyone.get("/services").json() if each["id"] == service)
        assert (found["name"], found["description"]) == (name, f"{name}\n{name}")
    provider = salon.make_provider(services=[])
    for name in NAMES[::3]:
        assert salon.admin.api.put(f"/providers/{provider}", {"name": name}).status_code == 200
        assert next(p for p in salon.anyone.get("/providers").json() if p["id"] == provider)["name"] == name


def test_a_guest_s_name_and_address_come_back_as_they_were(salon: Salon) -> None:
    service, day = salon.make_service(duration=5, slot_interval=5), salon.open_day("00:00", "24:00")
    for number, name in enumerate(NAMES[::2]):
        guest = {"name": name, "email": f"o'hara+{number}@example.com", "phone": "+40 721 000 000"}
        at = f"{number // 6:02d}:{number % 6 * 10:02d}"
        made = salon.book(salon.admin, service, day, at, customer=guest)
        rows = salon.admin.api.get(f"/appointments/date/{day}").json()
        customer = next(row for row in rows if row["id"] == made)["customer"]
        assert {key: customer[key] for key in guest} == guest


@pytest.mark.parametrize("control", ["\n", "\r\n", "\x00", "\x1b[2J", "\x7f", "\x08"])
def test_no_control_character_is_stored(control: str, salon: Salon, person: Person) -> None:
    for name in (f"a{control}b", f"{control}a", f"a{control}"):
        assert person.api.put("/profile", {"name": name}).status_code == 422
        body = {"name": name, "email": f"{unique()}@x.example", "password": PASSWORD}
        assert salon.anyone.post("/auth/register", body).status_code == 422
        assert salon.anyone.post("/auth/register", {**body, "name": "A", "email": f"a{control}@x"}).status_code == 422


def test_an_address_is_one_address(salon: Salon) -> None:
    for email in (
        "a@b,c@d",
        "a@b c@d",
        "a@b\nBcc: x@y",
        "<a@b>",
        '"a"@b',
        "a@b;c@d",
        "a@b@c",
        "@b",
        "a@",
        "a b@c",
        "a@b\u0000",
    ):
        body = {"name": "A", "email": email, "password": PASSWORD}
        assert salon.anyone.post("/auth/register", body).status_code == 422, email


def test_nobody_writes_a_line_of_the_log(salon: Salon, roles: Site, person: Person) -> None:
    """Whatever is sent, each line is one JSON object of ours."""
    forged = '{"event":"FORGED","level":"error"}'
    for name in ("\n" + forged, forged, "\u2028" + forged):
        person.api.put("/profile", {"name": name})
        salon.anyone.get("/nowhere", {"x": name})
        salon.anyone.get("/" + name.replace("\n", "%0a"), headers={"x-request-id": "a" * 65, "user-agent": forged})
    for process in roles.processes:
        lines = [line for line in process.log.read_text().splitlines() if line.startswith("{")]
        events = [json.loads(line) for line in lines]
        assert events
        assert not any(event.get("event") == "FORGED" for event in events)
