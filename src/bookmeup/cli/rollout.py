"""`kubectl rollout restart` and `rollout status`, and then the wait until the last of the old pods has ended.

A pod that is leaving still answers and still signs with what it knows, for up to a minute; kubectl does not wait
for it.
"""

import time
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from bookmeup.cli.cluster import DEPLOYMENTS, SECRET, ApiServer, ChangedMeanwhileError, ClusterError, Object

RESTARTED = "kubectl.kubernetes.io/restartedAt"
PAUSE_SECONDS = 1.0
AGAIN = "The same command goes on where this one stopped."


def readers(api: ApiServer, keys: Collection[str]) -> list[str]:
    """Return the Deployments with a container that is given one of these keys of the Secret."""
    found = api.request("GET", "deployments", group=DEPLOYMENTS)["items"]
    wanted = set(keys)
    return sorted(one["metadata"]["name"] for one in found if wanted & _keys_of(one["spec"]["template"]["spec"]))


def _keys_of(pod: dict[str, Any]) -> set[str]:
    containers = [*pod.get("initContainers", []), *pod["containers"]]
    sources = [variable.get("valueFrom", {}) for one in containers for variable in one.get("env", [])]
    references = [source["secretKeyRef"] for source in sources if "secretKeyRef" in source]
    return {reference["key"] for reference in references if reference.get("name") == SECRET}


def restart(api: ApiServer, names: Sequence[str], seconds: float) -> None:
    """Replace the pods of these Deployments, all at once, and wait until the old ones have ended.

    Raises ClusterError when one does not come up, or when the seconds are over.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    for name in names:
        patch = {"spec": {"template": {"metadata": {"annotations": {RESTARTED: now}}}}}
        try:
            api.request("PATCH", f"deployments/{name}", patch, DEPLOYMENTS)
        except ChangedMeanwhileError as error:
            raise ClusterError(f"Deployment {name} is being changed by somebody else. {AGAIN}") from error
    deadline = time.monotonic() + seconds
    for name in names:
        while (state := _unfinished(api, name)) is not None:
            if time.monotonic() > deadline:
                raise ClusterError(f"Deployment {name} has {state} after {seconds:.0f} s. {AGAIN}")
            time.sleep(PAUSE_SECONDS)


def _unfinished(api: ApiServer, name: str) -> str | None:
    """Return what a rollout still has to do, None when it is done."""
    found = api.request("GET", f"deployments/{name}", group=DEPLOYMENTS)
    status, wanted = found.get("status", {}), found["spec"].get("replicas", 1)
    if status.get("observedGeneration", 0) < found["metadata"]["generation"]:
        return "not been looked at by its controller"
    for condition in status.get("conditions", []):
        if condition.get("reason") == "ProgressDeadlineExceeded":
            raise ClusterError(f"The new pods of Deployment {name} do not become ready: {condition['message']} {AGAIN}")
    new, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    if new < wanted or available < wanted or status.get("replicas", 0) > new:
        return f"{min(new, available)} of {wanted} new pods available"
    leaving = sum("deletionTimestamp" in pod["metadata"] for pod in _pods(api, found))
    return f"{leaving} old pods left" if leaving else None


def _pods(api: ApiServer, deployment: Object) -> Iterator[Object]:
    labels = deployment["spec"]["selector"]["matchLabels"]
    selector = quote(",".join(f"{name}={value}" for name, value in labels.items()))
    yield from api.request("GET", f"pods?labelSelector={selector}")["items"]
