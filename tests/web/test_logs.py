"""Log lines: one JSON object each, without secrets, persons, variables or a second line by anybody's name."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from pathlib import Path
from time import thread_time
from typing import Any

import pytest
import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from bookmeup.web.logs import SINK, configure
from bookmeup.web.redaction import is_secret, scrub
from bookmeup.web.request_id import RequestId
from bookmeup.web.traffic import Traffic

CANARY = "c4n4ry-Zx81"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    root.handlers, SINK.stream = handlers, None
    root.setLevel(level)


@pytest.fixture
def out() -> io.BytesIO:
    stream = io.BytesIO()
    configure("logic", "debug", out=stream)
    return stream


def lines(out: io.BytesIO) -> list[dict[str, Any]]:
    text = out.getvalue().decode()
    assert text.splitlines() == text.split("\n")[:-1], "a line end of another sort"
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.usefixtures("out")
class TestEvents:
    def test_libraries_speak_from_warnings_on(self, out: io.BytesIO) -> None:
        logging.getLogger("httpx").info("GET https://example.com/%s", CANARY)
        assert not lines(out)

    def test_an_event_is_a_json_line_with_time_level_and_role(self, out: io.BytesIO) -> None:
        structlog.get_logger().info("listening", port=5002)
        (line,) = lines(out)
        assert line.pop("timestamp").endswith("Z")
        assert line == {"event": "listening", "level": "info", "role": "logic", "port": 5002}

    def test_uvicorn_and_the_standard_library_come_out_the_same_way(self, out: io.BytesIO) -> None:
        logging.getLogger("uvicorn.error").warning("%s of %s", "one", CANARY[:3])
        (line,) = lines(out)
        assert line["event"] == "one of c4n"
        assert (line["logger"], line["level"], line["role"]) == ("uvicorn.error", "warning", "logic")

    def test_a_level_silences_what_is_below(self) -> None:
        stream = io.BytesIO()
        configure("db", "warning", out=stream)
        structlog.get_logger().info("no")
        logging.getLogger("any").info("no")
        structlog.get_logger().warning("yes")
        assert [line["event"] for line in lines(stream)] == ["yes"]

    @pytest.mark.parametrize(
        "value", ["\ud800", b"\xff", object(), {1: {2: object()}}, 10**400, float("nan"), [[[[[[1]]]]]]]
    )
    def test_nothing_that_is_logged_can_raise(self, out: io.BytesIO, value: object) -> None:
        structlog.get_logger().info("odd", value=value)
        record = logging.LogRecord("odd", logging.INFO, "", 1, "too few: %s %s", ("one",), None)
        logging.getLogger().handlers[0].emit(record)
        assert len(lines(out)) == 2

    def test_a_full_disk_does_not_fail_the_caller(self) -> None:
        configure("db", out=Path("/dev/full").open("wb", buffering=0))  # noqa: SIM115
        structlog.get_logger().info("lost")
        logging.getLogger("any").warning("lost")


INJECTED = [
    "a\nb",
    "a\r\nb",
    "a\x1b[31mb",
    "a\u2028b",
    "a\u2029b",
    "a\x85b",
    "a\x0bb",
    "a\x9bb",
    "a\u202eb",
    'a"}\n{"b',
]


@pytest.mark.parametrize("human", [False, True])
@pytest.mark.parametrize("name", INJECTED)
def test_no_name_can_begin_a_line_or_colour_a_terminal(name: str, *, human: bool) -> None:
    stream = io.BytesIO()
    configure("logic", out=stream, human=human)
    structlog.get_logger().info(name, **{"who": name, name: 1}, nested=[{name: name}])
    text = stream.getvalue().decode()
    assert len(text.splitlines()) == 1
    assert all(character.isprintable() for character in text[:-1])


SECRETS: dict[str, Callable[[], object]] = {
    "password by name": lambda: {"password": CANARY},
    "token by name": lambda: {"access_token": CANARY},
    "authorization": lambda: {"Authorization": CANARY},
    "cookie": lambda: {"Set-Cookie": CANARY},
    "secret": lambda: {"JWT_SECRET_KEY": CANARY},
    "key": lambda: {"AUTH_SERVICE_KEY": [CANARY]},
    "camel case": lambda: {"apiKey": CANARY, "accessToken": CANARY},
    "e-mail by name": lambda: {"user_email": CANARY},
    "phone by name": lambda: {"phone": CANARY},
    "nested": lambda: {"a": [{"b": {"password": CANARY}}]},
    "headers as pairs": lambda: [f"authorization: Bearer {CANARY}"],
    "bearer": lambda: f"sent Bearer {CANARY} to db",
    "basic": lambda: f"Basic {CANARY}==",
    "jwt": lambda: f"got eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIx{CANARY}.c2ln{CANARY}",
    "e-mail": lambda: f"no mail for {CANARY}@example.com, sorry",
    "e-mail at home": lambda: f"{CANARY}@localhost",
    "e-mail in a url": lambda: f"/users/{CANARY}%40example.com",
    "postgres url": lambda: f"postgresql+psycopg2://bookmeup:{CANARY}@postgres:5432/bookmeup",
    "postgres url, odd password": lambda: f"postgresql://bookmeup:p/@:{CANARY}@postgres/bookmeup",
    "dsn": lambda: f"host=postgres password={CANARY} dbname=bookmeup",
    "quoted dsn": lambda: f"password='a b {CANARY}' dbname=x",
    "json as text": lambda: f'{{"password": "a {CANARY}", "b": 1}}',
    "query": lambda: f"/reset?token={CANARY}&x=1",
    "phone": lambda: "+40 721 555 0199",
    "bytes": CANARY.encode,
    "an object": lambda: Account(CANARY),
    "an enum": lambda: Hidden.WORD,
    "an exception": lambda: ValueError(CANARY),
}


@dataclass
class Account:
    password: str


class Hidden(Enum):
    WORD = CANARY


@pytest.mark.parametrize("human", [False, True])
@pytest.mark.parametrize("kind", SECRETS)
def test_secrets_and_persons_are_not_in_the_log(kind: str, *, human: bool) -> None:
    stream = io.BytesIO()
    configure("db", out=stream, human=human)
    secret = SECRETS[kind]()
    structlog.get_logger().info("seen", value=secret)
    structlog.get_logger().info(str(secret) if isinstance(secret, str) else "seen")
    logging.getLogger("uvicorn.error").error("seen %s", secret if isinstance(secret, str) else "")
    text = stream.getvalue().decode()
    assert text.count("\n") == 3
    assert CANARY not in text
    assert "721 555" not in text


@pytest.mark.parametrize(
    "harmless",
    [
        "2026-11-23T09:00:00+02:00",
        "listening on 127.0.0.1:5001",
        "GET /services/{service_id} -> 200",
        "http://db-service:5003/appointments",
        "basic cut, 30 min",
        "SQLSTATE 23P01 occupied_no_overlap",
    ],
)
def test_ordinary_text_stays_readable(harmless: str) -> None:
    assert scrub(harmless) == harmless


def test_ordinary_names_are_not_secret() -> None:
    assert not [
        name for name in ("path", "service_id", "monkey", "keyboard", "starts_at", "attempts") if is_secret(name)
    ]


@pytest.mark.parametrize(
    "text", ["a" * 10**6, "a@" * 10**5, "password=" * 10**5, "eyJ" * 10**5, "://:" * 10**5, "+1" * 10**5]
)
def test_scrubbing_takes_linear_time(text: str, benchmark_seconds: Callable[[Callable[[], object]], float]) -> None:
    assert benchmark_seconds(lambda: scrub(text)) < 0.25
    assert len(scrub(text)) < 3000


@pytest.fixture
def benchmark_seconds() -> Callable[[Callable[[], object]], float]:
    def measure(call: Callable[[], object]) -> float:
        began = thread_time()
        call()
        return thread_time() - began

    return measure


class TestExceptions:
    def test_an_exception_is_its_type_and_places_without_values(self, out: io.BytesIO) -> None:
        def inner(password: str) -> None:
            raise ValueError(password)

        try:
            try:
                inner(CANARY)
            except ValueError as error:
                raise RuntimeError(CANARY) from error
        except RuntimeError:
            structlog.get_logger().exception("failed")
            logging.getLogger("uvicorn.error").exception("failed")
        for line in lines(out):
            outer, cause = line["exception"]
            assert (outer["type"], cause["type"]) == ("RuntimeError", "ValueError")
            assert cause["at"][-1].startswith("test_logs.py:")
            assert cause["at"][-1].endswith(" inner")
        assert CANARY.encode() not in out.getvalue()

    def test_an_exception_given_by_name_is_described_too(self, out: io.BytesIO) -> None:
        structlog.get_logger().error("failed", exc_info=KeyError(CANARY))
        (line,) = lines(out)
        assert line["exception"] == [{"type": "KeyError", "at": []}]

    def test_the_systems_own_words_are_told(self, out: io.BytesIO) -> None:
        structlog.get_logger().error("failed", exc_info=ConnectionRefusedError(111, "Connection refused"))
        (line,) = lines(out)
        assert line["exception"][0]["said"] == "Connection refused"

    def test_a_violated_constraint_is_named_without_its_row(self, out: io.BytesIO) -> None:
        class ViolationError(Exception):
            pgcode = "23505"
            diag = type("Diagnostics", (), {"constraint_name": "users_email_key"})

        structlog.get_logger().error("failed", exc_info=ViolationError(f"Key (email)=({CANARY}) exists"))
        (line,) = lines(out)
        assert line["exception"][0]["said"] == "SQLSTATE 23505 users_email_key"

    def test_a_traceback_as_text_loses_its_words(self, out: io.BytesIO) -> None:
        text = (
            'Traceback (most recent call last):\n  File "/a/src/bookmeup/x.py", line 3, in run\n    go()\nValueError: '
        )
        logging.getLogger("uvicorn.error").error("%s%s", text, CANARY)
        (line,) = lines(out)
        assert line["event"] == "ValueError at bookmeup/x.py:3 run"

    def test_a_person_gets_an_exception_in_lines(self) -> None:
        stream = io.BytesIO()
        configure("db", out=stream, human=True)
        try:
            int(CANARY)
        except ValueError:
            structlog.get_logger().exception("failed", port=1)
        text = stream.getvalue().decode()
        assert "failed  port=1\n    ValueError\n      test_logs.py:" in text
        assert CANARY not in text


async def show(_: Request) -> Response:
    structlog.get_logger().info("inside")
    return PlainTextResponse("shown")


async def fail(_: Request) -> Response:
    raise RuntimeError(CANARY)


@pytest.fixture
def client(out: io.BytesIO) -> TestClient:
    assert SINK.stream is out
    routes = [Route("/users/{user_id}", show), Route("/livez", show), Route("/fail", fail)]
    return TestClient(RequestId(Traffic(Starlette(routes=routes), "test")), raise_server_exceptions=False)


def access(out: io.BytesIO) -> dict[str, Any]:
    (line,) = [line for line in lines(out) if line["event"] == "request"]
    return line


class TestAccessLog:
    def test_a_request_is_one_line_with_its_template_and_id(self, client: TestClient, out: io.BytesIO) -> None:
        client.get("/users/17", headers={"X-Request-ID": "abc"})
        line = access(out)
        assert isinstance(line.pop("ms"), float)
        line.pop("timestamp")
        assert line == {
            "event": "request",
            "level": "info",
            "role": "logic",
            "method": "GET",
            "path": "/users/{user_id}",
            "status": 200,
            "request_id": "abc",
        }
        assert [each["request_id"] for each in lines(out) if each["event"] == "inside"] == ["abc"]

    @pytest.mark.parametrize(
        "target",
        [f"/users/{CANARY}", f"/nothing?q={CANARY}", f"/reset/{CANARY}{'f' * 20}", f"/nothing/{CANARY}@example.com"],
    )
    def test_what_the_client_put_into_its_target_is_not_told(
        self, client: TestClient, out: io.BytesIO, target: str
    ) -> None:
        client.post(target, content=CANARY, headers={"Authorization": f"Bearer {CANARY}", "Cookie": f"a={CANARY}"})
        access(out)
        assert CANARY.encode() not in out.getvalue()

    def test_an_unknown_path_is_told_without_line_ends(self, client: TestClient, out: io.BytesIO) -> None:
        client.get("/nothing%0a%7b%22event%22:1%7d")
        assert access(out)["status"] == 404

    def test_a_fault_is_a_warning_with_500(self, client: TestClient, out: io.BytesIO) -> None:
        client.get("/fail")
        assert (access(out)["status"], access(out)["level"]) == (500, "warning")
        assert CANARY.encode() not in out.getvalue()

    def test_a_probe_is_told_at_debug_level_only(self, client: TestClient, out: io.BytesIO) -> None:
        client.get("/livez")
        assert access(out)["level"] == "debug"


def test_decimals_dates_and_the_like_are_named_by_type(out: io.BytesIO) -> None:
    structlog.get_logger().info("odd", price=Decimal("1.50"))
    assert lines(out)[0]["price"] == "<Decimal>"
