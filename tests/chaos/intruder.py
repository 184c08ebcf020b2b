"""A pod that is root on a node: it sees, kills and cuts off what nobody inside a container can."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from tests.e2e.cluster import Environment, kubectl, until

HOME = ("-n", "default")
FIRST = """PATH=$PATH:/usr/sbin:/sbin
first() { # PROCESS: whether it is process 1 of its container
  [ "$(awk '/^NSpid/ {print $NF}' /proc/$1/status 2>/dev/null)" = 1 ]
}
first_of() { # CONTAINER...: prints their first processes
  for folder in /proc/[0-9]*; do
    for container; do
      grep -q "$container" "$folder/cgroup" 2>/dev/null && first "${folder#/proc/}" && echo "${folder#/proc/}"
    done
  done
}
"""


class Intruder:
    """One that was begun."""

    def __init__(self, name: str) -> None:
        self._name = name

    def says(self, word: str, seconds: float = 60) -> None:
        """Wait until it has printed the word."""
        until(f"the intruder says {word}", seconds, lambda: word in self._printed(), 0.2)

    def ends(self, seconds: int = 120) -> str:
        """Wait for its end and return what it has printed."""
        phase = "--for=jsonpath={.status.phase}=Succeeded"
        kubectl(*HOME, "wait", phase, f"pod/{self._name}", f"--timeout={seconds}s")
        return self._printed()

    def _printed(self) -> str:
        return kubectl(*HOME, "logs", self._name, check=False)


@contextmanager
def intruder(environment: Environment, node: str, script: str) -> Iterator[Intruder]:
    """Run the script on a node, in PostgreSQL's image, which is there.

    It knows the functions above, and has the node's own files in `/node`.
    """
    image = environment.fetch("deployment", "postgres")["spec"]["template"]["spec"]["containers"][0]["image"]
    name = f"chaos-intruder-{uuid4().hex[:8]}"
    run = {
        "name": "run",
        "image": image,
        "command": ["sh", "-c", FIRST + script],
        "volumeMounts": [{"name": "node", "mountPath": "/node"}],
        "securityContext": {"privileged": True, "runAsUser": 0},
    }
    spec: dict[str, Any] = {"hostPID": True, "restartPolicy": "Never", "nodeName": node, "containers": [run]}
    spec["volumes"] = [{"name": "node", "hostPath": {"path": "/"}}]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": spec}
    kubectl("create", "-f", "-", given=json.dumps(pod))
    try:
        yield Intruder(name)
    finally:
        kubectl(*HOME, "delete", "pod", name, "--wait=false", "--grace-period=5")


def identity(pod: Any) -> str:
    """Return the container's, as the node's processes have it."""
    (status,) = pod["status"]["containerStatuses"]
    _, _, found = status["containerID"].partition("://")
    return str(found)
