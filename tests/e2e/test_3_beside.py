"""dev and staging beside prod, each in its own namespace and under its own host."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.cookiejar import CookieJar
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import pytest
from tests.e2e.client import Client
from tests.e2e.cluster import SERVICES, Environment, say, until
from tests.e2e.salon import ADMIN, PASSWORD, Salon, create_admin
from tests.e2e.settings import Settings

HOSTS = {"dev": "dev.bookmeup.localhost", "staging": "staging.bookmeup.localhost"}


@pytest.fixture(scope="module")
def others(prod: Environment, make_environment: Callable[[str], Environment]) -> dict[str, Environment]:
    environments = {overlay: make_environment(overlay) for overlay in HOSTS}
    for environment in environments.values():
        environment.apply()
    with ThreadPoolExecutor() as pool:
        seconds = dict(zip(environments, pool.map(lambda e: e.wait(), environments.values()), strict=True))
    say("beside prod: " + ", ".join(f"{overlay} ready after {took:.0f} s" for overlay, took in seconds.items()))
    return environments


def test_each_has_its_own_replicas_and_secrets(prod: Environment, others: dict[str, Environment]) -> None:
    counts = {overlay: [len(e.names(s)) for s in SERVICES] for overlay, e in others.items()}
    assert counts == {"dev": [1, 1, 1], "staging": [2, 2, 2]}
    keys = [e.secret()["JWT_SECRET_KEY"] for e in (prod, *others.values())]
    assert len(set(keys)) == 3


def shows(client: Client, name: str) -> bool:
    """Whether ten answers in turn have it: another replica than the one that wrote may be a second behind."""
    answers = (client.expect(200, "GET", "/services") for _ in range(10))
    return all(name in {service["name"] for service in services} for services in answers)


def test_each_answers_under_its_host_with_its_own_data(
    others: dict[str, Environment], edges: Callable[..., Client], salon: Salon
) -> None:
    for overlay, environment in others.items():
        client: Client = edges(environment, HOSTS[overlay])
        until(f"{overlay} answers", 60, lambda c=client: c.get("/health").status == 200)  # type: ignore[misc]
        found = [service["name"] for service in client.expect(200, "GET", "/services")]
        assert "Quick cut" not in found, "that is prod's"
        create_admin(environment)
        admin = client.log_in(ADMIN, PASSWORD)
        name = f"Cut in {overlay} {ADMIN[:14]}"
        admin.expect(201, "POST", "/services", {"name": name, "price": 10, "duration": 30})
        until(f"every replica of {overlay} shows it", 5, lambda c=client, n=name: shows(c, n))  # type: ignore[misc]
        assert salon.customers[0].token is not None
        stranger = client.as_user(salon.customers[0].token)
        assert stranger.get("/appointments/me").status == 401, "prod's token is no good here"
        say(f"{overlay} under {HOSTS[overlay]}: own data, prod's token refused with 401")
    assert [service["name"] for service in salon.edge.expect(200, "GET", "/services")] == ["Quick cut"]


def test_adminer_shows_the_tables(others: dict[str, Environment], settings: Settings) -> None:
    secret, base = others["dev"].secret(), f"http://{settings.node}:30080/"
    browser = build_opener(HTTPCookieProcessor(CookieJar()))
    fields = {"driver": "pgsql", "server": "postgres", "username": secret["POSTGRES_USER"], "db": "bookmeup"}
    form = {f"auth[{name}]": value for name, value in {**fields, "password": secret["POSTGRES_PASSWORD"]}.items()}

    browser.open(base, urlencode(form).encode(), timeout=20).read()
    where = urlencode({"pgsql": "postgres", "username": secret["POSTGRES_USER"], "db": "bookmeup", "ns": "public"})
    page = browser.open(f"{base}?{where}", timeout=20).read().decode()

    shown = set(re.findall(r"[?&]table=([a-z_]+)", page.replace("&amp;", "&")))
    expected = set(others["dev"].tables())
    say(f"Adminer on port 30080 shows {len(expected & shown)} of {len(expected)} tables")
    assert {"users", "appointments"} <= expected <= shown


def test_a_second_apply_leaves_dev_alone(others: dict[str, Environment]) -> None:
    dev = others["dev"]
    pods = dev.restarts()
    dev.apply()
    dev.wait()
    assert dev.restarts() == pods
