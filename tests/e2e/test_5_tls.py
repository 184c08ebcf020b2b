"""prod-tls over prod, and HTTPS behind a Gateway, with a Secret made by hand instead of cert-manager's."""

import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.e2e.client import Client
from tests.e2e.cluster import Environment, say, until
from tests.e2e.salon import ADMIN, PASSWORD, Salon

pytestmark = pytest.mark.usefixtures("through_ingress")
HOST = "bookmeup.example.com"


@pytest.fixture(scope="module")
def certificate(prod: Environment, authority: Path) -> Path:
    """The Secret that both name."""
    pair = [f"--cert={authority}/tls.crt", f"--key={authority}/tls.key"]
    prod.kubectl("create", "secret", "tls", "bookmeup-tls", *pair)
    return authority / "tls.crt"


@pytest.fixture
def gateway(
    gateway_class: None, prod: Environment, make_environment: Callable[..., Environment]
) -> Iterator[Environment]:
    """prod-gateway and gateway-tls in place of the Ingress, which is there again afterwards."""
    environment = make_environment("prod-gateway", "gateway-tls")
    prod.kubectl("delete", "ingress", "bookmeup")
    yield environment
    prod.kubectl("delete", "httproute,gateway", "--selector=app=edge")
    prod.apply_again()
    prod.wait()


def test_https_under_the_own_host(
    make_environment: Callable[[str], Environment], salon: Salon, certificate: Path
) -> None:
    check_https(make_environment("prod-tls"), salon, certificate)


def test_https_behind_a_gateway(gateway: Environment, salon: Salon, certificate: Path) -> None:
    check_https(gateway, salon, certificate)


def check_https(environment: Environment, salon: Salon, certificate: Path) -> None:
    environment.apply()
    seconds = environment.wait()
    plain: Client = replace(salon.edge, host=HOST, token=None)
    https = {role: base.replace("http://", "https://") for role, base in plain.bases.items()}
    secure = replace(plain, bases=https, context=ssl.create_default_context(cafile=str(certificate)))

    def up() -> bool:
        try:
            return secure.get("/health").status == 200
        except OSError:
            return False

    until("HTTPS answers with our certificate", 60, up)
    admin = secure.log_in(ADMIN, PASSWORD)
    services = admin.expect(200, "GET", "/services")
    redirect = plain.get("/services")
    answered = {name.lower(): value for name, value in secure.get("/services").headers.items()}
    hsts = answered.get("strict-transport-security")
    say(f"{environment.overlay} applied in {seconds:.0f} s: HTTPS verified, {len(services)} service, HSTS {hsts!r}")
    say(f"plain HTTP: {redirect.status} to {redirect.headers.get('Location')}")
    assert redirect.status in {301, 302, 307, 308}
    assert redirect.headers["Location"].startswith(f"https://{HOST}/services")
    assert hsts is not None
    assert "max-age=" in hsts
