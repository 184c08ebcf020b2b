"""prod with the component worker: the outbox is worked off by its pods, each row once, and db leaves it alone."""

import time
from collections.abc import Callable, Iterator

import pytest
from tests.e2e.cluster import SERVICES, Environment, say, until

ROWS = 5000
POLLED_SECONDS = 10
"""In which everybody who works the outbox has looked several times."""
# A row takes 2 ms more, so that all of them take longer than the pause of a worker that had nothing to do: else one
# could be done before the other one looks.
WATCH = """
CREATE TABLE e2e_done (id bigint, worked_by inet);
GRANT INSERT ON e2e_done TO bookmeup_outbox;
CREATE FUNCTION e2e_done() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN PERFORM pg_sleep(0.002); INSERT INTO public.e2e_done VALUES (NEW.id, inet_client_addr()); RETURN NEW; END';
CREATE TRIGGER e2e_done AFTER UPDATE OF done_at ON outbox FOR EACH ROW
  WHEN (NEW.kind = 'e2e') EXECUTE FUNCTION e2e_done()
"""
FILL = "INSERT INTO outbox (kind, payload, aggregate) SELECT 'e2e', '{}', 'e2e:' || n FROM generate_series(1, 5000) n"
WAITING = "SELECT count(*) FROM outbox WHERE kind = 'e2e' AND done_at IS NULL"


@pytest.fixture(scope="module")
def with_worker(prod: Environment, make_environment: Callable[..., Environment]) -> Iterator[Environment]:
    environment = make_environment("prod", "worker")
    environment.apply()
    seconds = environment.wait(*SERVICES, "worker")
    say(f"prod + worker: rolled out after {seconds:.0f} s")
    # Pods that were told to leave work the outbox off until they have left.
    until(
        "the old pods are gone", 90, lambda: len(environment.fetch("pods", "--selector=app=db-service")["items"]) == 2
    )
    environment.sql(WATCH)
    yield environment
    environment.sql("DROP TRIGGER e2e_done ON outbox; DROP FUNCTION e2e_done(); DROP TABLE e2e_done")
    prod.apply()
    # Applying takes nothing away.
    prod.kubectl("delete", "deployment,networkpolicy,serviceaccount", "worker")
    prod.wait(*SERVICES)


def addresses(environment: Environment, app: str) -> set[str]:
    return {pod["status"]["podIP"] for pod in environment.pods(app)}


def test_two_workers_do_each_row_once_and_db_none(with_worker: Environment) -> None:
    assert len(with_worker.names("worker")) == 2
    with_worker.sql(FILL)
    seconds = until("the rows are done", 60, lambda: with_worker.sql(WAITING) == "0")
    done, different = with_worker.sql("SELECT count(*), count(DISTINCT id) FROM e2e_done").split("|")
    workers = set(with_worker.sql("SELECT DISTINCT host(worked_by) FROM e2e_done").split())
    say(f"{done} rows after {seconds:.1f} s by {len(workers)} of 2 workers, {int(done) - int(different)} twice")
    assert int(done) == int(different) == ROWS
    assert workers == addresses(with_worker, "worker")


def test_without_a_worker_the_rows_wait(with_worker: Environment) -> None:
    with_worker.kubectl("scale", "deployment/worker", "--replicas=0")
    until("the workers are gone", 90, lambda: with_worker.fetch("pods", "--selector=app=worker")["items"] == [])
    with_worker.sql(FILL)
    time.sleep(POLLED_SECONDS)
    assert with_worker.sql(WAITING) == str(ROWS)
    with_worker.kubectl("scale", "deployment/worker", "--replicas=2")
    until("the rows are done", 90, lambda: with_worker.sql(WAITING) == "0")
