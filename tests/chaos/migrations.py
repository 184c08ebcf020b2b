"""The schema moves, or fails to, while the old version serves."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.chaos.stage import Scenario, Trial, out_of_time
from tests.e2e.cluster import SERVICES, Environment, until

PATIENCE = 60
"""Seconds until `rollout status` gives up, in place of 300."""
CROWD = 5
REVISION = "SELECT version_num FROM alembic_version"
LOCKS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' OR NOT granted"
WAITS = """SELECT count(*) FROM pg_stat_activity
  WHERE application_name = 'bookmeup migrate' AND wait_event_type = 'Lock'"""
HOLD = "BEGIN; LOCK TABLE locations IN ACCESS SHARE MODE; SELECT pg_sleep(600)"
"""Whoever alters this table waits, and so does everybody behind it."""


def set_image(environment: Environment, image: str, *names: str) -> None:
    for name in names:
        environment.kubectl("set", "image", f"deployment/{name}", f"*={image}")


def undo(environment: Environment, *names: str) -> None:
    for name in names:
        environment.kubectl("rollout", "undo", f"deployment/{name}")
    environment.wait(*names)


def roll_back(trial: Trial) -> None:
    environment = trial.environment
    before = environment.sql(REVISION)
    set_image(environment, trial.settings.expanding, *SERVICES)
    environment.wait(*SERVICES)
    after = environment.sql(REVISION)
    undo(environment, *SERVICES)
    assert before < after == environment.sql(REVISION)
    trial.note(f"schema {before} to {after}; the older image started on {after}")


def forget_the_column(trial: Trial) -> None:
    """The schema as it was, for the next scenario."""
    environment = trial.environment
    column = "SELECT 1 FROM information_schema.columns WHERE table_name = 'locations' AND column_name = 'chaos'"
    if environment.sql(column):
        newest = "(SELECT max(revision) FROM schema_compat)"
        environment.sql(f"DELETE FROM schema_compat WHERE revision = {newest}")  # noqa: S608 - our own words
        environment.sql(f"UPDATE alembic_version SET version_num = {newest}")  # noqa: S608
        environment.sql("ALTER TABLE locations DROP COLUMN chaos")


def refuse(trial: Trial, image: str, sign: str, is_seen: Callable[[Environment, set[str]], bool]) -> None:
    """Bring out a version whose migration does not end well: the old one stays.

    It is seen by a sign that this is why, given the names of the old pods.
    """
    environment = trial.environment
    before, old = environment.sql(REVISION), set(environment.names("db-service"))
    deadline = json.dumps({"spec": {"progressDeadlineSeconds": PATIENCE}})
    environment.kubectl("patch", "deployment", "db-service", "--type=merge", "-p", deadline)
    set_image(environment, image, "db-service")
    try:
        until(sign, PATIENCE, lambda: is_seen(environment, old), 0.1)
        command = ["kubectl", "-n", environment.namespace, "rollout", "status", "deployment/db-service"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=400)
        assert done.returncode == 1, f"rollout status said {done.returncode}: {done.stdout}{done.stderr}"
        assert old <= set(environment.ready("db-service")), "a pod of the old version is gone"
        assert environment.sql(REVISION) == before
    finally:
        undo(environment, "db-service")
        environment.apply_again()
    trial.note(f"rollout status: {done.stderr.strip()}; the schema stayed at {before}")


def fail(trial: Trial) -> None:
    refuse(trial, trial.settings.raising, "a new pod has divided by zero", has_divided)
    no_lock_is_left(trial)


def has_divided(environment: Environment, old: set[str]) -> bool:
    new = set(environment.names("db-service")) - old
    return any("division by zero" in environment.kubectl("logs", name, "-c", "migrate", check=False) for name in new)


def get_stuck(trial: Trial) -> None:
    with held(trial.environment):
        refuse(trial, trial.settings.expanding, "a migration waits for the lock", is_waiting)
    no_lock_is_left(trial)


def is_waiting(environment: Environment, _old: set[str]) -> bool:
    return environment.sql(WAITS) != "0"


def no_lock_is_left(trial: Trial) -> None:
    until("no lock is left", 60, lambda: trial.environment.sql(LOCKS) == "0")


@contextmanager
def held(environment: Environment) -> Iterator[None]:
    """Somebody's transaction has read the table, and does not end."""
    psql = ["exec", "deployment/postgres", "-c", "postgres", "--", "psql", "-qXtA", "-c", HOLD]
    holder = subprocess.Popen(["kubectl", "-n", environment.namespace, *psql], stdout=subprocess.DEVNULL)
    query = "FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()"
    try:
        until("the table is locked", 30, lambda: environment.sql(f"SELECT count(*) {query}") != "0")
        yield
    finally:
        environment.sql(f"SELECT pg_terminate_backend(pid) {query}")
        holder.wait(timeout=30)


def database(number: int) -> str:
    return f"chaos_{number}"


def make_databases(trial: Trial) -> None:
    """Before the load: CREATE DATABASE writes all at once, which others' COMMITs wait for."""
    for number in range(trial.settings.rounds):
        trial.environment.sql(f"CREATE DATABASE {database(number)}")


def drop_databases(trial: Trial) -> None:
    for number in range(trial.settings.rounds):
        trial.environment.sql(f"DROP DATABASE IF EXISTS {database(number)} WITH (FORCE)")


def migrate_at_once(trial: Trial) -> None:
    """Each time one of the pods runs the scripts, one with CREATE INDEX CONCURRENTLY, and the others find them done."""
    for number in range(trial.settings.rounds):
        logs = race(trial.environment, database(number))
        runners = [log for log in logs if "Migrated from nothing" in log]
        others = [log for log in logs if "The schema is at" in log]
        assert (len(runners), len(others)) == (1, CROWD - 1), logs
    trial.note(f"{trial.settings.rounds} times {CROWD} pods: one ran the scripts each time")


def race(environment: Environment, on: str) -> list[str]:
    pods = [starter(environment, on, number) for number in range(CROWD)]
    names = [pod["metadata"]["name"] for pod in pods]
    environment.kubectl("create", "-f", "-", given=json.dumps({"kind": "List", "apiVersion": "v1", "items": pods}))
    try:
        for name in names:
            environment.kubectl("wait", f"pod/{name}", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=180s")
        return [environment.kubectl("logs", name) for name in names]
    finally:
        environment.kubectl("delete", "pod", *names, "--ignore-not-found")


def starter(environment: Environment, on: str, number: int) -> dict[str, Any]:
    """Return a pod that does what db's init container does, on another database.

    It has db's labels, for the network policies; a gate that nobody opens keeps requests away from it.
    """
    template = environment.fetch("deployment", "db-service")["spec"]["template"]
    migrate = template["spec"]["initContainers"][0]
    migrate["resources"]["limits"]["cpu"] = "250m"  # five take one core then, and leave the load the other
    migrate["env"] = [e | {"value": on} if e["name"] == "POSTGRES_DB" else e for e in migrate["env"]]
    kept = ("serviceAccountName", "automountServiceAccountToken", "enableServiceLinks", "securityContext", "volumes")
    spec = {name: template["spec"][name] for name in kept if name in template["spec"]}
    spec |= {
        "containers": [migrate],
        "restartPolicy": "Never",
        "readinessGates": [{"conditionType": "chaos.bookmeup/never"}],
    }
    name = f"{on.replace('_', '-')}-{number}"
    metadata = {"name": name, "labels": template["metadata"]["labels"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


SCENARIOS = (
    Scenario("rollback over an expanding migration", roll_back, restore=forget_the_column),
    Scenario("migration that raises", fail),
    Scenario("migration that waits for a lock", get_stuck, restore=forget_the_column),
    Scenario(
        f"{CROWD} db pods on an empty database",
        migrate_at_once,
        "503 out of time",
        out_of_time,
        prepare=make_databases,
        restore=drop_databases,
    ),
)
