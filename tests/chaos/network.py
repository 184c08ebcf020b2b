"""What the services reach each other by is gone for half a minute."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from tests.chaos.intruder import identity, intruder
from tests.chaos.settings import ChaosSettings
from tests.chaos.stage import AWAY, Scenario, Trial, unavailable
from tests.e2e.cluster import fetch, kubectl, until

SECONDS = 30
KUBE_SYSTEM = ("-n", "kube-system")
RESOLVE = "import socket; socket.getaddrinfo('db-service', 5003); print('found')"
# In the pods' own network, with the node's iptables: connections that are open go silent too. The script's end connects
# them again, whatever ended it, and a pod that is deleted leaves nothing behind.
CUT = """processes=$(first_of {containers})
filter() {{
  for process in $processes; do
    nsenter -t "$process" -n -- chroot /node iptables "$1" OUTPUT -p tcp --dport 5003 -j DROP || exit 1
  done
}}
trap 'filter -D' EXIT
trap exit TERM
filter -A && echo "cut off: $(echo $processes | wc -w)"
sleep {seconds} &
wait"""


def cut_off(trial: Trial) -> None:
    """Drop whatever logic sends to db."""
    pods = trial.environment.pods("logic-service")
    trial.begin()
    with ExitStack() as stack:
        for node in {pod["spec"]["nodeName"] for pod in pods}:
            here = [identity(pod) for pod in pods if pod["spec"]["nodeName"] == node]
            script = CUT.format(containers=" ".join(here), seconds=SECONDS)
            cutter = stack.enter_context(intruder(trial.environment, node, script))
            cutter.says(f"cut off: {len(here)}")
            stack.callback(cutter.ends)
    trial.note(f"{len(pods)} pods of logic were cut off, mended after {trial.end():.0f} s")


def remove_db(trial: Trial) -> None:
    """All pods of db go, as when its nodes are lost."""
    environment = trial.environment
    trial.begin()
    environment.kubectl("scale", "deployment/db-service", "--replicas=0")
    environment.kubectl("wait", "--for=delete", "pod", "--selector=app=db-service", "--timeout=90s")
    time.sleep(SECONDS)
    environment.kubectl("scale", "deployment/db-service", "--replicas=2")
    environment.wait("db-service")
    trial.note(f"db ready again after {trial.end():.0f} s")


def without_dns(settings: ChaosSettings) -> str:
    found = "coredns" in kubectl(*KUBE_SYSTEM, "get", "deployments", check=False)
    return "" if settings.dns or found else "no Deployment coredns, and no CHAOS_DNS"


@contextmanager
def paused(trial: Trial) -> Iterator[None]:
    """Have nobody answer for names; afterwards as many as before."""
    stop: Callable[[], object]
    start: Callable[[], object]
    if trial.settings.dns:
        tell = partial(subprocess.run, check=True, capture_output=True)
        stop, start = (partial(tell, [*trial.settings.dns, way]) for way in ("stop", "start"))
    else:
        number = fetch(*KUBE_SYSTEM, "deployment/coredns")["spec"]["replicas"]
        scale = partial(kubectl, *KUBE_SYSTEM, "scale", "deployment/coredns")
        stop, start = (partial(scale, f"--replicas={replicas}") for replicas in (0, number))
    stop()
    try:
        until("names are not resolved", 60, lambda: not resolves(trial))
        yield
    finally:
        start()


def resolves(trial: Trial) -> bool:
    """Whether a pod of logic finds db's address."""
    command = ["exec", "deployment/logic-service", "--", "timeout", "5", "python", "-c", RESOLVE]
    return "found" in trial.environment.kubectl(*command, check=False)


def pause_dns(trial: Trial) -> None:
    with paused(trial):
        trial.begin()
        time.sleep(SECONDS)
    trial.end()


SCENARIOS = (
    Scenario(f"db cut from logic, {SECONDS} s", cut_off, AWAY, unavailable, must_fail=True),
    Scenario(f"no pod of db, {SECONDS} s", remove_db, AWAY, unavailable, must_fail=True),
    Scenario(f"DNS paused, {SECONDS} s", pause_dns, AWAY, unavailable, missing=without_dns),
)
