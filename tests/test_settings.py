"""Settings: complete, or no start and one message with all that is wrong. No secret has a default. T30."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from bookmeup import settings
from bookmeup.settings import NEEDS, SECRETS, Role, SettingsError, load, role_of

STRONG = "Zx9-" + "q7Wf3" * 9
CONTAINER = {"BOOKMEUP_CONTAINER": "1"}
WHOLE = {
    "POSTGRES_HOST": "postgres", "POSTGRES_USER": "salon", "POSTGRES_PASSWORD": STRONG,
    "JWT_SECRET_KEY": STRONG, "AUTH_SERVICE_KEY": STRONG, "LOGIC_SERVICE_KEY": STRONG,
    "DB_SERVICE_URL": "http://db-service:5003", "AUTH_SERVICE_URL": "http://auth-service:5001",
}  # fmt: skip
OURS = re.compile(
    "^(ROLE|ENVIRONMENT|LOG_LEVEL|METRICS_PORT|DATABASE_URL|RATE_LIMITS|OUTBOX|BASE_URL|ALLOWED_HOSTS|FORWARDED_ALLOW_IPS"
    "|KUBERNETES_SERVICE_HOST|(BOOKMEUP|POSTGRES|DEFAULT|JWT|AUTH|LOGIC|DB)_.*)$"
)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if OURS.match(name)]:  # noqa: TID251 - the tests' own
        monkeypatch.delenv(name)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> "Environment":
    return Environment(monkeypatch)


class Environment:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch

    def set(self, *more: Mapping[str, str], **given: str) -> None:
        for name, value in {**{k: v for each in more for k, v in each.items()}, **given}.items():
            self._patch.setenv(name, value)


def message(what: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load(what)
    return str(caught.value)


def test_everything_that_is_wrong_is_said_in_one_message(environment: Environment) -> None:
    environment.set(
        CONTAINER, POSTGRES_PORT="x", LOG_LEVEL="loud", METRICS_PORT="70000", BASE_URL="salon", RATE_LIMITS="no",
        OUTBOX="maybe", FORWARDED_ALLOW_IPS="10.0.0.0/8, everybody", DEFAULT_TIMEZONE="Mars/Olympus",
        DEFAULT_CURRENCY="lei", AUTH_SERVICE_KEY="short",
    )  # fmt: skip
    told = message("db")
    assert told.startswith("BookMeUp cannot start as db: ")
    assert "\n" not in told
    for name in (
        "POSTGRES_HOST is missing", "POSTGRES_USER is missing", "POSTGRES_PASSWORD is missing", "POSTGRES_PORT is ",
        "LOG_LEVEL is ", "METRICS_PORT is ", "BASE_URL is ", "RATE_LIMITS is ", "OUTBOX is ",
        "FORWARDED_ALLOW_IPS has ", "DEFAULT_TIMEZONE is ", "DEFAULT_CURRENCY is ",
        "AUTH_SERVICE_KEY has fewer", "LOGIC_SERVICE_KEY is missing",
    ):  # fmt: skip
        assert told.count(name) == 1, name


@pytest.mark.parametrize("what", NEEDS)
def test_a_container_makes_nothing_up(what: str, environment: Environment) -> None:
    environment.set(CONTAINER)
    told = message(what)
    needs = NEEDS[what]
    wanted = [*needs.keys]
    wanted += ["POSTGRES_HOST", "POSTGRES_USER", "POSTGRES_PASSWORD"] if needs.database else []
    wanted += ["DB_SERVICE_URL"] if needs.db_service else []
    wanted += ["AUTH_SERVICE_URL"] if needs.auth_service else []
    assert wanted
    assert set(re.findall(r"(\w+) is missing", told)) == set(wanted)


def test_a_pod_is_a_container_without_saying_so(environment: Environment) -> None:
    environment.set(KUBERNETES_SERVICE_HOST="10.0.0.1")
    assert "is missing" in message("db")


@pytest.mark.parametrize("what", NEEDS)
def test_what_is_complete_starts_in_production(what: str, environment: Environment) -> None:
    environment.set(CONTAINER, WHOLE)
    found = load(what)
    assert found.environment is settings.Environment.PRODUCTION
    assert found.rate_limits
    assert set(found.keys) == set(NEEDS[what].keys)


@pytest.mark.parametrize("what", NEEDS)
def test_a_role_is_told_no_secret_of_another(what: str, environment: Environment) -> None:
    """Whatever lies in its environment, it reads just its own."""
    canaries = {name: f"CANARY-{name}-" + "q" * 40 for name in WHOLE if name.endswith(("_KEY", "PASSWORD"))}
    environment.set(CONTAINER, WHOLE, canaries)
    found = load(what)
    held = repr((dict(found.keys), found.database_url))
    for name in canaries:
        own = name in NEEDS[what].keys or (name == "POSTGRES_PASSWORD" and NEEDS[what].database)
        assert (f"CANARY-{name}-" in held) == own, name


def test_a_laptop_needs_nothing(environment: Environment) -> None:
    for what in NEEDS:
        found = load(what)
        assert (found.environment, found.container) == (settings.Environment.DEV, False)
        assert found.database_url == ""
        assert not any(found.keys.values())
        assert found.host == "127.0.0.1"


PASSWORDS = [
    "password", "postgres", "changeme", "secret", "user", "bookmeup", "bookmeup-demo", "12345678", "Password1234",
    "password12345", "changeme-please", "secret-secret-secret", "postgrespostgres", "example-password",
]  # fmt: skip
KEYS = [
    "super-secret-jwt-key", "super-secret-jwt-key" * 2, "your-secret-key", "change-me" * 5, "changeme" * 5,
    "secret" * 8, "password" * 6, "dev-" + "x" * 40, "a-key-for-example-of-more-than-32-bytes", "bookmeup" * 5,
    "x" * 31,
]  # fmt: skip
KEY_NAMES = ("JWT_SECRET_KEY", "AUTH_SERVICE_KEY", "LOGIC_SERVICE_KEY")


def known_values() -> Iterator[tuple[str, str]]:
    """Yield the seed's samples and what people leave in: each must be refused everywhere but in dev."""
    yield from (("POSTGRES_PASSWORD", value) for value in PASSWORDS)
    yield from ((name, value) for name in KEY_NAMES for value in KEYS)
    yield from (("AUTH_SERVICE_KEY", f"{STRONG},{value}") for value in KEYS[:2])
    yield "DATABASE_URL", "postgresql://user:password@postgres/bookmeup"
    yield "DATABASE_URL", "postgresql://postgres:postgres@postgres:5432/bookmeup"
    yield "DATABASE_URL", "postgresql://salon:short@postgres/bookmeup"
    yield "DATABASE_URL", "postgresql://salon:p%61ssword-p%61ssword@postgres/bookmeup"


KNOWN = list(known_values())


@pytest.mark.parametrize("where", ["staging", "production"])
@pytest.mark.parametrize(("name", "value"), KNOWN)
def test_known_and_short_secrets_are_refused_outside_dev(
    name: str, value: str, where: str, environment: Environment
) -> None:
    environment.set(CONTAINER, WHOLE, {name: value}, ENVIRONMENT=where)
    told = message("all")
    assert name in told
    last = value.rsplit(",", maxsplit=1)[-1]
    assert last not in told or len(last) < 6, "the message repeats the secret"


def test_a_key_too_short_for_its_algorithm_is_refused_in_dev_too(environment: Environment) -> None:
    environment.set(AUTH_SERVICE_KEY="x" * 31)
    assert "AUTH_SERVICE_KEY" in message("auth")


def test_the_seed_s_jwt_secret_does_on_a_laptop_because_it_is_hashed_first(environment: Environment) -> None:
    environment.set(JWT_SECRET_KEY="super-secret-jwt-key")
    assert load("auth").keys["JWT_SECRET_KEY"] == ("super-secret-jwt-key",)


@pytest.mark.parametrize("url", ["http://[", "http://", "ftp://x", "http://x:port"])
def test_a_url_that_is_none_is_a_fault_and_no_traceback(url: str, environment: Environment) -> None:
    environment.set(BASE_URL=url, DB_SERVICE_URL=url)
    told = message("auth")
    assert "BASE_URL" in told
    assert "DB_SERVICE_URL" in told


def test_a_currency_that_nobody_has_is_refused(environment: Environment) -> None:
    environment.set(DEFAULT_CURRENCY="ZZZ")
    assert "DEFAULT_CURRENCY" in message("db")


def test_the_seed_s_samples_do_on_a_laptop(environment: Environment) -> None:
    environment.set(POSTGRES_HOST="localhost", POSTGRES_USER="user", POSTGRES_PASSWORD="password")
    assert "user:password@localhost" in load("db").database_url


@pytest.mark.parametrize("value", ["off", "OFF", " off "])
def test_limits_off_stops_the_start_in_production(value: str, environment: Environment) -> None:
    environment.set(CONTAINER, WHOLE, RATE_LIMITS=value)
    assert "RATE_LIMITS" in message("db")
    environment.set(ENVIRONMENT="staging")
    assert not load("db").rate_limits


@pytest.mark.parametrize("value", ["prod", "Development", "x"])
def test_an_unknown_environment_is_refused(value: str, environment: Environment) -> None:
    environment.set(ENVIRONMENT=value)
    assert "ENVIRONMENT" in message("db")


def test_secrets_leave_the_environment(environment: Environment) -> None:
    environment.set(CONTAINER, WHOLE, DATABASE_URL=f"postgresql://salon:{STRONG}@postgres/bookmeup")
    load("db", take=True)
    left = dict(os.environ)  # noqa: TID251 - what a child process would inherit
    assert set(SECRETS).isdisjoint(left)
    assert STRONG not in "".join(left.values())


def test_secrets_are_not_shown(environment: Environment) -> None:
    environment.set(CONTAINER, WHOLE)
    assert STRONG not in repr(load("all"))


def test_a_password_may_hold_anything(environment: Environment) -> None:
    odd = "p@ss/w:rd?#[]%20 é'\""
    environment.set(POSTGRES_HOST="db.internal", POSTGRES_USER="o'hara@salon", POSTGRES_PASSWORD=odd)
    from sqlalchemy import make_url

    url = make_url(load("db").database_url)
    assert (url.password, url.username, url.host, url.port) == (odd, "o'hara@salon", "db.internal", 5432)


@pytest.mark.parametrize(
    ("option", "variable", "expected"),
    [
        ("db", "auth", Role.DB),
        (None, "auth", Role.AUTH),
        (None, None, Role.ALL),
        (None, "", Role.ALL),
        ("worker", None, Role.WORKER),
    ],
)
def test_the_option_wins_over_the_variable(
    option: str | None, variable: str | None, expected: Role, environment: Environment
) -> None:
    if variable is not None:
        environment.set(ROLE=variable)
    assert role_of(option) is expected


def test_an_unknown_role_is_named_with_those_that_exist(environment: Environment) -> None:
    environment.set(ROLE="frontend")
    with pytest.raises(SettingsError, match=r"frontend.*auth, logic, db, worker, all"):
        role_of(None)


def test_ports_are_the_contract_s() -> None:
    assert {role: (load(role).port, load(role).metrics_port) for role in Role} == {
        "auth": (5001, 9001), "logic": (5002, 9002), "db": (5003, 9003), "worker": (5004, 9004), "all": (8000, 12000),
    }  # fmt: skip


def test_keys_are_a_list_the_first_signs(environment: Environment) -> None:
    environment.set(AUTH_SERVICE_KEY=f"{STRONG}-new, {STRONG}-old,")
    assert load("db").keys["AUTH_SERVICE_KEY"] == (f"{STRONG}-new", f"{STRONG}-old")


def names_read() -> set[str]:
    """Return the variables that the code reads: texts in capitals, given to the reader or named beside it."""
    tree = ast.parse(Path(settings.__file__).read_text())
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {text for text in texts if re.fullmatch("[A-Z][A-Z_]{3,}", text)}


SYSTEMS = {"KUBERNETES_SERVICE_HOST", "XDG_DATA_HOME"}
"""Set by the cluster and the desktop, not by whoever configures BookMeUp."""


def test_the_table_names_every_variable_that_is_read() -> None:
    documented = settings.__doc__ or ""
    for name in names_read() - SYSTEMS:
        short = "_" + name.partition("_")[2]
        assert name in documented or (name.startswith("POSTGRES_") and short in documented), (
            f"{name} is not in the table"
        )


def test_the_table_names_no_variable_that_nobody_reads() -> None:
    documented = set(re.findall(r"\b[A-Z][A-Z]+(?:_[A-Z]+)*\b", settings.__doc__ or ""))
    read = names_read() | {"PORT", "DB", "USER", "PASSWORD", "HOST", "UTC", "EUR"}
    assert {name for name in documented if "_" in name or name == "ROLE"} <= read


def started(variables: Mapping[str, str], *options: str) -> "subprocess.CompletedProcess[str]":
    inherited = {name: value for name, value in os.environ.items() if not OURS.match(name)}  # noqa: TID251 - the tests' own
    command = [sys.executable, "-m", "bookmeup", *options]
    return subprocess.run(
        command,
        env={**inherited, **variables},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize(
    "wrong",
    [{"JWT_SECRET_KEY": "super-secret-jwt-key"}, {"POSTGRES_PASSWORD": "password"}, {"RATE_LIMITS": "off"},
     {"DATABASE_URL": "postgresql://user:password@postgres/bookmeup"}],
    ids=lambda wrong: next(iter(wrong)),
)  # fmt: skip
def test_a_process_with_a_known_secret_does_not_start(wrong: Mapping[str, str]) -> None:
    done = started({**CONTAINER, **WHOLE, **wrong}, "--role", "all")
    assert done.returncode == 2
    assert done.stderr.startswith("BookMeUp cannot start as all: ")
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""
