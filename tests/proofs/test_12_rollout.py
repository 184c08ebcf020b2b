"""A rolling restart of all processes under load: no client notices, and nothing that was acknowledged is missing."""

import json
from pathlib import Path

import httpx2
from sqlalchemy import URL, text
from tests.conftest import NewDatabase
from tests.proofs import load
from tests.proofs.conftest import SIZES, Figure
from tests.support.databases import engine
from tests.support.outbox import waiting
from tests.support.rollout import rolled_out
from tests.support.salon import Salon
from tests.support.waiting import until

CLIENTS = 6
DAYS = 8
SLOW = 60.0


def appointments(url: URL) -> set[int]:
    with engine(url).connect() as connection:
        return set(connection.scalars(text("SELECT id FROM appointments")))


def test_while_every_process_is_restarted_in_turn_no_request_fails_and_no_appointment_is_lost(
    new_database: NewDatabase, client: httpx2.Client, tmp_path: Path, figure: Figure
) -> None:
    url = new_database()
    with rolled_out(url, tmp_path) as (entrance, deployments):
        salon = Salon(entrance, client)
        shots = load.mixture(salon, salon.make_customers(CLIENTS), DAYS)
        with load.going_on(shots, SIZES.rate) as exchanges:
            for deployment in deployments:
                for _ in range(SIZES.restarts):
                    deployment.restart_oldest()
        until(lambda: waiting(url) == 0, SLOW)
    failed = [each for each in exchanges if not load.succeeded(each)]
    acknowledged = {json.loads(each.answer.body)["object_id"] for each in exchanges if each.status == 201}
    took = max(each.told for each in exchanges) - min(each.asked for each in exchanges)
    figure("12 rollout: restarts", SIZES.restarts * len(deployments))
    figure("12 rollout: answers", load.counted(exchanges))
    figure("12 rollout: requests a second", f"{len(exchanges) / took:.1f} for {took:.0f} s")
    figure("12 rollout: failed", len(failed))
    figure("12 rollout: acknowledged, of which missing", (len(acknowledged), len(acknowledged - appointments(url))))
    assert failed == []
    assert acknowledged <= appointments(url)
