"""Dumps are made, kept and pruned; the drill restores them and refuses a spoilt one; all can be put back."""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.e2e.cluster import SERVICES, Environment, say, until
from tests.e2e.salon import ADMIN, PASSWORD, Salon

VOLATILE = {"signing_keys", "rate_limits", "idempotency_keys", "sessions"}
"""What the services write by themselves."""
FOREVER = "bookmeup-29991231T000000Z"


@pytest.fixture(scope="module")
def prod_backup(prod: Environment, salon: Salon, make_environment: Callable[..., Environment]) -> Environment:
    for customer in salon.customers:
        booking = {"service_id": salon.service, **next(salon.slots)}
        salon.expected.add(customer.expect(201, "POST", "/appointments", booking)["object_id"])
    environment = make_environment("prod", "backup")
    environment.apply()
    return environment


@pytest.fixture(scope="module")
def shelf(prod_backup: Environment) -> Iterator[Callable[[str], str]]:
    """Run a line of shell where the dumps are."""
    template = prod_backup.fetch("cronjob", "backup-drill")["spec"]["jobTemplate"]["spec"]["template"]
    container = template["spec"]["containers"][0]
    container["command"] = ["sleep", "3600"]
    for mount in container["volumeMounts"]:
        mount.pop("readOnly", None)
    metadata = {"name": "shelf", "labels": template["metadata"]["labels"]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
    prod_backup.kubectl("apply", "-f", "-", given=json.dumps(pod))
    prod_backup.kubectl("wait", "--for=condition=Ready", "pod/shelf", "--timeout=120s")
    yield lambda line: prod_backup.kubectl("exec", "shelf", "--", "sh", "-c", line)
    prod_backup.kubectl("delete", "pod", "shelf", "--grace-period=1")


def run(environment: Environment, cronjob: str) -> tuple[bool, str]:
    """Start the CronJob's Job now; return whether it succeeded and what it wrote."""
    job = f"{cronjob}-{uuid.uuid4().hex[:6]}"
    environment.kubectl("create", "job", f"--from=cronjob/{cronjob}", job)

    def conditions() -> set[str]:
        states: list[Any] = environment.fetch("job", job).get("status", {}).get("conditions", [])
        return {state["type"] for state in states if state["status"] == "True"}

    until(f"{job} ends", 300, lambda: bool({"Complete", "Failed"} & conditions()))
    return "Complete" in conditions(), environment.kubectl("logs", f"job/{job}", "--all-containers", check=False)


def drain(environment: Environment) -> None:
    until(
        "the outbox is empty", 60, lambda: environment.sql("SELECT count(*) FROM outbox WHERE done_at IS NULL") == "0"
    )


def test_a_dump_is_made_and_old_ones_leave(prod_backup: Environment, shelf: Callable[[str], str]) -> None:
    shelf(
        "touch -d '20 days ago' /backups/bookmeup-20200101T000000Z.dump; touch -d '3 days ago' /backups/bookmeup-3.dump"
    )
    succeeded, told = run(prod_backup, "backup")
    say(told.strip())
    assert succeeded, told
    kept = shelf("ls /backups").split()
    assert "bookmeup-20200101T000000Z.dump" not in kept
    assert "bookmeup-3.dump" in kept
    assert not [name for name in kept if name.startswith("new.")]
    shelf("rm /backups/bookmeup-3.dump")
    assert sorted(name.partition(".")[2] for name in kept if name != "bookmeup-3.dump") == [
        "counts",
        "dump",
        "roles.sql",
    ]


def test_the_counts_are_those_of_the_database(prod_backup: Environment, shelf: Callable[[str], str]) -> None:
    counts = dict(line.split("|") for line in shelf("cat /backups/bookmeup-*.counts").split())
    assert counts.pop("revision") == prod_backup.sql("SELECT version_num FROM alembic_version")
    assert set(counts) == set(prod_backup.tables())
    assert int(counts["appointments"]) == int(prod_backup.sql("SELECT count(*) FROM appointments")) > 0


def test_the_drill_restores_the_newest(prod_backup: Environment) -> None:
    succeeded, told = run(prod_backup, "backup-drill")
    say(told.strip())
    assert succeeded, told
    assert "are as they were dumped" in told


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        ("dd if=/dev/zero of={it}.dump bs=1 count=64 conv=notrunc seek=$(($(wc -c <{it}.dump) - 3000))", "pg_restore"),
        ("truncate -s -2000 {it}.dump", "pg_restore"),
        ("sed -i 's/^appointments|.*/appointments|1000000/' {it}.counts", "is not what was dumped"),
    ],
    ids=["damaged", "cut off", "rows are missing"],
)
def test_the_drill_refuses_a_spoilt_dump(
    prod_backup: Environment, shelf: Callable[[str], str], spoil: str, complaint: str
) -> None:
    shelf(f"cd /backups; for f in bookmeup-2*; do cp $f {FOREVER}.${{f#*.}}; done; {spoil.format(it=FOREVER)}")
    try:
        succeeded, told = run(prod_backup, "backup-drill")
    finally:
        shelf(f"rm /backups/{FOREVER}.*")
    say(told.strip().splitlines()[-1])
    assert not succeeded
    assert complaint in told


def test_a_dropped_schema_is_put_back(prod_backup: Environment, salon: Salon) -> None:
    drain(prod_backup)
    tables = [table for table in prod_backup.tables() if table not in VOLATILE]
    rows = prod_backup.fingerprint(tables)
    assert run(prod_backup, "backup")[0]
    prod_backup.sql("DROP SCHEMA public CASCADE")
    until("db sees it", 60, lambda: prod_backup.ready("db-service") == [])

    succeeded, told = run(prod_backup, "restore")
    say(told.strip())

    assert succeeded, told
    assert prod_backup.fingerprint(tables) == rows
    until("db is back", 60, lambda: len(prod_backup.ready("db-service")) == 2)
    for name in SERVICES:
        prod_backup.kubectl("rollout", "restart", f"deployment/{name}")
    prod_backup.wait(*SERVICES)
    until("the edge answers", 60, lambda: salon.edge.get("/services").status == 200)
    salon.edge.log_in(ADMIN, PASSWORD)
    assert salon.lost() == set()
