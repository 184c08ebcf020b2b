"""The one reader of the environment. A process that lacks something does not start, and says all that is wrong.

| variable | who needs it | default |
|---|---|---|
| ROLE | | all |
| ENVIRONMENT | all | dev on a laptop, production in a container |
| LOG_LEVEL, BOOKMEUP_HOST, METRICS_PORT | all | info, 127.0.0.1, the port + 4000 |
| BOOKMEUP_DATA | laptop | the user's data folder |
| BOOKMEUP_CONTAINER | set in the image: nothing is made up | |
| DATABASE_URL, or POSTGRES_HOST, _PORT, _DB, _USER, _PASSWORD | db, worker, migrate | embedded on a laptop |
| POSTGRES_PASSWORD_NEXT: tried where the other is refused, while it is being changed | db, worker, migrate | none |
| DB_SERVICE_URL | auth, logic | http://127.0.0.1:5003 on a laptop |
| AUTH_SERVICE_URL | logic | http://127.0.0.1:5001 on a laptop |
| JWT_SECRET_KEY | auth | made once on a laptop |
| AUTH_SERVICE_KEY, LOGIC_SERVICE_KEY | db, auth, logic | made once on a laptop |
| BASE_URL, ALLOWED_HOSTS, FORWARDED_ALLOW_IPS | auth, logic | none |
| RATE_LIMITS | db | on |
| OUTBOX | db; off where the role worker runs beside it | on |
| DEFAULT_TIMEZONE, DEFAULT_CURRENCY | db, migrate | UTC, EUR |
"""

import ipaddress
import os
import re
import sys
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from babel.numbers import is_currency
from environs import Env

NEXT_PASSWORD = "POSTGRES_PASSWORD_NEXT"  # noqa: S105 - the name of a setting
SECRETS = (
    "POSTGRES_PASSWORD", NEXT_PASSWORD, "DATABASE_URL", "JWT_SECRET_KEY", "AUTH_SERVICE_KEY", "LOGIC_SERVICE_KEY",
)  # fmt: skip
NO = ("", "0", "no", "off", "false")
SHORTEST_KEY = 32
SHORTEST_PASSWORD = 12
KNOWN = re.compile(
    r"^(super-secret|password|secret|changeme|change-me|your-|user$|(postgres)+$|dev-|bookmeup)|example", re.IGNORECASE
)


class Role(StrEnum):
    """What a process is."""

    AUTH = "auth"
    LOGIC = "logic"
    DB = "db"
    WORKER = "worker"
    ALL = "all"


PORTS = {Role.AUTH: 5001, Role.LOGIC: 5002, Role.DB: 5003, Role.WORKER: 5004, Role.ALL: 8000}
METRICS_ABOVE = 4000
LARGEST_PORT = 65535


class Environment(StrEnum):
    DEV = "dev"
    STAGING = "staging"
    PRODUCTION = "production"


class Needs(NamedTuple):
    """Which settings a process cannot do without."""

    database: bool = False
    db_service: bool = False
    auth_service: bool = False
    keys: tuple[str, ...] = ()


AUTH_KEY, LOGIC_KEY, JWT_SECRET = "AUTH_SERVICE_KEY", "LOGIC_SERVICE_KEY", "JWT_SECRET_KEY"
NEEDS = {
    "auth": Needs(db_service=True, keys=(JWT_SECRET, AUTH_KEY)),
    "logic": Needs(db_service=True, auth_service=True, keys=(LOGIC_KEY,)),
    "db": Needs(database=True, keys=(AUTH_KEY, LOGIC_KEY)),
    "worker": Needs(database=True),
    "all": Needs(database=True, keys=(JWT_SECRET, AUTH_KEY, LOGIC_KEY)),
    "migrate": Needs(database=True),
    "accounts": Needs(db_service=True, keys=(AUTH_KEY,)),
}


class SettingsError(Exception):
    """The configuration is incomplete or wrong; the text names everything that is."""

    def __init__(self, what: str, faults: list[str]) -> None:
        super().__init__(f"BookMeUp cannot start as {what}: {'; '.join(faults)}.")
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Settings:
    """What a process is told. `database_url` is empty for the embedded PostgreSQL; secrets are not shown."""

    environment: Environment
    container: bool
    log_level: str
    host: str
    port: int
    metrics_port: int
    data: Path
    database_url: str = field(repr=False)
    other_password: str = field(repr=False)
    db_service_url: str
    auth_service_url: str
    keys: Mapping[str, tuple[str, ...]] = field(repr=False)
    base_url: str
    allowed_hosts: tuple[str, ...]
    trusted: tuple[str, ...]
    rate_limits: bool
    outbox: bool
    timezone: str
    currency: str


def role_of(option: str | None) -> Role:
    """Return the role of this process: the option wins over ROLE; without either it is all."""
    name = option or Env().str("ROLE", "") or Role.ALL.value
    try:
        return Role(name)
    except ValueError:
        raise SettingsError(name, [f"ROLE is {name!r}, not one of {', '.join(Role)}"]) from None


def load(
    what: str, *, host: str | None = None, port: int | None = None, data: Path | None = None, take: bool = False
) -> Settings:
    """Read what a role or command needs; raises SettingsError with every fault at once.

    `take` removes the secrets from the environment, so that no child process inherits them.
    """
    reader = _Reader(what)
    settings = reader.settings(host, port, data)
    if reader.faults:
        raise SettingsError(what, reader.faults)
    if take:
        for name in SECRETS:
            os.environ.pop(name, None)  # noqa: TID251 - the one place
    return settings


def names_db() -> bool:
    """Whether the environment says where db is; in a container it must."""
    env = Env()
    return bool(
        env.str("DB_SERVICE_URL", "") or env.str("BOOKMEUP_CONTAINER", "") or env.str("KUBERNETES_SERVICE_HOST", "")
    )


class _Reader:
    def __init__(self, what: str) -> None:
        self.env = Env(eager=False)
        self.what = what
        self.needs = NEEDS[what]
        self.faults: list[str] = []
        self.container = bool(
            self._text("BOOKMEUP_CONTAINER").lower() not in NO or self._text("KUBERNETES_SERVICE_HOST")
        )

    def settings(self, host: str | None, port: int | None, data: Path | None) -> Settings:
        environment = self._choice("ENVIRONMENT", Environment, "production" if self.container else "dev")
        self.strict = environment is not Environment.DEV
        port = port or PORTS.get(Role(self.what) if self.what in list(Role) else Role.ALL, 0)
        settings = Settings(
            environment=environment,
            container=self.container,
            log_level=self._one_of("LOG_LEVEL", ("debug", "info", "warning", "error"), "info"),
            host=host or self._text("BOOKMEUP_HOST") or "127.0.0.1",
            port=port,
            metrics_port=self._number("METRICS_PORT", min(port + METRICS_ABOVE, LARGEST_PORT), least=0),
            data=data or self._data(),
            database_url=self._database() if self.needs.database else "",
            other_password=self._text(NEXT_PASSWORD) if self.needs.database else "",
            db_service_url=self._url("DB_SERVICE_URL", "http://127.0.0.1:5003") if self.needs.db_service else "",
            auth_service_url=self._url("AUTH_SERVICE_URL", "http://127.0.0.1:5001") if self.needs.auth_service else "",
            keys={name: self._key(name) for name in self.needs.keys},
            base_url=self._base_url(),
            allowed_hosts=self._list("ALLOWED_HOSTS"),
            trusted=self._networks("FORWARDED_ALLOW_IPS"),
            rate_limits=self._switch("RATE_LIMITS"),
            outbox=self._switch("OUTBOX"),
            timezone=self._text("DEFAULT_TIMEZONE") or "UTC",
            currency=self._text("DEFAULT_CURRENCY") or "EUR",
        )
        self._whole(settings)
        return settings

    def _whole(self, settings: Settings) -> None:
        if settings.environment is Environment.PRODUCTION and not settings.rate_limits:
            self.faults.append("RATE_LIMITS is off, which production does not allow")
        if settings.timezone != "UTC" and settings.timezone not in zoneinfo.available_timezones():
            self.faults.append(f"DEFAULT_TIMEZONE is {settings.timezone!r}, not an IANA zone")
        if not re.fullmatch("[A-Z]{3}", settings.currency) or not is_currency(settings.currency):
            self.faults.append(f"DEFAULT_CURRENCY is {settings.currency!r}, not an ISO 4217 code")

    def _data(self) -> Path:
        """Return the user's data folder; root's is a system folder, because PostgreSQL runs as another user."""
        given = self._text("BOOKMEUP_DATA")
        if given:
            return Path(given).expanduser().absolute()
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            return Path("/var/lib/bookmeup")
        if sys.platform == "darwin":
            return Path.home() / "Library" / "Application Support" / "bookmeup"
        return Path(self._text("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "bookmeup"

    def _text(self, name: str) -> str:
        return str(self.env.str(name, "")).strip()

    def _one_of(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        value = self._text(name).lower() or default
        if value not in allowed:
            self.faults.append(f"{name} is {value!r}, not one of {', '.join(allowed)}")
            return default
        return value

    def _switch(self, name: str) -> bool:
        return self._one_of(name, ("on", "off"), "on") == "on"

    def _choice(self, name: str, kind: type[Environment], default: str) -> Environment:
        return kind(self._one_of(name, tuple(kind), default))

    def _list(self, name: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in self._text(name).split(",") if part.strip())

    def _networks(self, name: str) -> tuple[str, ...]:
        found = []
        for text in self._list(name):
            try:
                found.append(str(ipaddress.ip_network(text, strict=False)))
            except ValueError:
                self.faults.append(f"{name} has {text!r}, which is no network")
        return tuple(found)

    def _number(self, name: str, default: int, *, least: int = 1) -> int:
        text = self._text(name)
        if not text:
            return default
        if not text.isascii() or not text.isdigit() or not least <= int(text[:9]) <= LARGEST_PORT:
            self.faults.append(f"{name} is {text!r}, not a port number")
            return default
        return int(text)

    def _url(self, name: str, on_a_laptop: str) -> str:
        text = self._text(name) or ("" if self.container else on_a_laptop)
        if not text:
            self.faults.append(f"{name} is missing")
        elif not _is_http(text):
            self.faults.append(f"{name} is {text!r}, not an http URL")
        return text

    def _base_url(self) -> str:
        text = self._text("BASE_URL")
        if text and not _is_http(text):
            self.faults.append(f"BASE_URL is {text!r}, not an http URL")
        return text

    def _database(self) -> str:
        """Return the URL of PostgreSQL, empty for the embedded one."""
        url = self._text("DATABASE_URL")
        if url:
            return self._given(url)
        if not self._text("POSTGRES_HOST") and not self.container:
            return ""
        parts = {name: self._text(name) for name in ("POSTGRES_HOST", "POSTGRES_USER", "POSTGRES_PASSWORD")}
        self.faults.extend(f"{name} is missing" for name, value in parts.items() if not value)
        self._weak("POSTGRES_PASSWORD", parts["POSTGRES_PASSWORD"], SHORTEST_PASSWORD)
        port = self._number("POSTGRES_PORT", 5432)
        name = self._text("POSTGRES_DB") or "bookmeup"
        user, password = quote(parts["POSTGRES_USER"], safe=""), quote(parts["POSTGRES_PASSWORD"], safe="")
        return f"postgresql+psycopg2://{user}:{password}@{parts['POSTGRES_HOST']}:{port}/{quote(name, safe='')}"

    def _given(self, url: str) -> str:
        scheme, _, rest = url.partition("://")
        if scheme not in ("postgresql", "postgres", "postgresql+psycopg2") or not rest or not _has_port_or_none(url):
            self.faults.append("DATABASE_URL is not a postgresql:// URL")
        self._weak("DATABASE_URL's password", unquote(rest.rpartition("@")[0].partition(":")[2]), SHORTEST_PASSWORD)
        return f"postgresql+psycopg2://{rest}"

    def _key(self, name: str) -> tuple[str, ...]:
        keys = self._list(name) if name != JWT_SECRET else tuple(filter(None, [self._text(name)]))
        if not keys and self.container:
            self.faults.append(f"{name} is missing")
        for key in keys:
            self._weak(name, key, SHORTEST_KEY)
        return keys

    def _weak(self, name: str, value: str, shortest: int) -> None:
        """Refuse what others know; a service key that is too short for its algorithm is refused in dev too."""
        if value and len(value.encode()) < shortest and (self.strict or name in (AUTH_KEY, LOGIC_KEY)):
            self.faults.append(f"{name} has fewer than {shortest} characters")
        elif value and self.strict and KNOWN.search(value):
            self.faults.append(f"{name} is a value that others know")


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _has_port_or_none(url: str) -> bool:
    """Whether the URL's port, if it has one, is a number; several hosts are PostgreSQL's own form."""
    try:
        return "," in url or urlsplit(url).port != 0
    except ValueError:
        return False
