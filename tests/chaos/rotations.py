"""Secrets are replaced by command, and the certificate by another Secret. Nobody notices."""

import ssl
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from socket import create_connection
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from tests.chaos.stage import Scenario, Trial
from tests.e2e.cluster import generate, until
from tests.e2e.salon import Salon
from tests.manifests.combinations import Combination

HOST = "bookmeup.example.com"
COMMAND = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout {0}.key -out {0}.crt -subj /CN={0}"


def rotate(what: str, trial: Trial) -> None:
    environment, people = trial.environment, list(trial.salon.customers)
    before = environment.secret()
    command = [sys.executable, "-m", "bookmeup", "rotate", "--namespace", environment.namespace, what]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert environment.secret() != before
    assert {person.get("/appointments/me").status for person in people} == {200}, "somebody was logged out"
    trial.note(f"{len(done.stdout.splitlines())} steps")


def serve_tls(trial: Trial) -> None:
    """prod-tls over prod, with a certificate made by hand; the load comes by HTTPS and trusts two certificates."""
    folder = Path(trial.environment.folder).parent / "certificates"
    folder.mkdir(exist_ok=True)
    for name in ("first", "second"):
        command = [*COMMAND.format(name).split(), "-addext", f"subjectAltName=DNS:{HOST}"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    (folder / "both.crt").write_text("".join((folder / f"{name}.crt").read_text() for name in ("first", "second")))
    install(trial, folder, "first")
    with TemporaryDirectory() as temporary:
        overlay = generate(trial.settings.e2e, Combination("prod-tls"), Path(temporary) / "tls")
        replace(trial.environment, folder=overlay).apply()
    until("HTTPS answers with the first certificate", 60, lambda: served(trial) == pem(folder, "first"))
    trial.plan = secured(trial, folder).plan


def install(trial: Trial, folder: Path, name: str) -> None:
    arguments = ["create", "secret", "tls", "bookmeup-tls", f"--cert={folder / name}.crt", f"--key={folder / name}.key"]
    made = trial.environment.kubectl(*arguments, "--dry-run=client", "-o", "yaml")
    trial.environment.kubectl("apply", "-f", "-", given=made)


def secured(trial: Trial, folder: Path) -> Salon:
    """The same salon, seen through HTTPS."""
    trusting = ssl.create_default_context(cafile=str(folder / "both.crt"))
    edge = trial.edge
    bases = {role: base.replace("http://", "https://") for role, base in edge.bases.items()}
    customers = [replace(c, bases=bases, host=HOST, context=trusting) for c in trial.salon.customers]
    return replace(trial.salon, edge=replace(edge, bases=bases, host=HOST, context=trusting), customers=customers)


def served(trial: Trial) -> str:
    address = urlsplit(trial.edge.base("/"))
    unverified = ssl._create_unverified_context()  # noqa: S323, SLF001 - the certificate itself is looked at
    with (
        create_connection((address.hostname or "", 443), timeout=5) as plain,
        unverified.wrap_socket(plain, server_hostname=HOST) as secure,
    ):
        return ssl.DER_cert_to_PEM_cert(secure.getpeercert(binary_form=True) or b"")


def pem(folder: Path, name: str) -> str:
    return (folder / f"{name}.crt").read_text()


def replace_certificate(trial: Trial) -> None:
    folder = Path(trial.environment.folder).parent / "certificates"
    install(trial, folder, "second")
    seconds = until("the second certificate is served", 60, lambda: served(trial) == pem(folder, "second"))
    trial.note(f"the new certificate is served after {seconds:.1f} s, by HTTPS that was verified")


def serve_plainly(trial: Trial) -> None:
    trial.environment.apply()
    until("plain HTTP answers", 60, lambda: trial.edge.get("/services").status == 200)


SCENARIOS = (
    *(
        Scenario(f"rotate {what}", partial(rotate, what))
        for what in ("database-password", "jwt-secret", "service-keys")
    ),
    Scenario("TLS certificate replaced", replace_certificate, prepare=serve_tls, restore=serve_plainly),
)
