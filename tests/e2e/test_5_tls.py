"""prod-tls over prod, with a Secret made by hand instead of cert-manager's."""

import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.e2e.client import Client
from tests.e2e.cluster import Environment, say, until
from tests.e2e.salon import ADMIN, PASSWORD, Salon

HOST = "bookmeup.example.com"


def test_https_under_the_own_host(
    make_environment: Callable[[str], Environment], salon: Salon, authority: Path, through_ingress: None
) -> None:
    environment = make_environment("prod-tls")
    pair = [f"--cert={authority}/tls.crt", f"--key={authority}/tls.key"]
    environment.kubectl("create", "secret", "tls", "bookmeup-tls", *pair)
    environment.apply()
    seconds = environment.wait()
    plain: Client = replace(salon.edge, host=HOST, token=None)
    https = {role: base.replace("http://", "https://") for role, base in plain.bases.items()}
    trusting = ssl.create_default_context(cafile=str(authority / "tls.crt"))
    secure = replace(plain, bases=https, context=trusting)

    def up() -> bool:
        try:
            return secure.get("/health").status == 200
        except OSError:
            return False

    until("HTTPS answers with our certificate", 60, up)
    admin = secure.log_in(ADMIN, PASSWORD)
    services = admin.expect(200, "GET", "/services")
    redirect = plain.get("/services")
    hsts = {name.lower(): value for name, value in secure.get("/services").headers.items()}.get(
        "strict-transport-security"
    )

    say(f"prod-tls applied over prod in {seconds:.0f} s: HTTPS verified, {len(services)} service, HSTS {hsts!r}")
    say(f"plain HTTP: {redirect.status} to {redirect.headers.get('Location')}")
    assert redirect.status in {301, 302, 307, 308}
    assert redirect.headers["Location"].startswith(f"https://{HOST}/services")
    assert hsts is not None
    assert "max-age=" in hsts
