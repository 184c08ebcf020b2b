"""Has the API server of kubectl's current context say what it would do: `python -m tests.manifests.dry_run FOLDER`.

Each rendering goes into a namespace of its own that is deleted again, with the same Pod Security level, enforced and
warned of: a pod that would be refused is a warning on its Deployment, and a warning is a fault.
"""

import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]
LEVEL = "pod-security.kubernetes.io/enforce"
WARN = "pod-security.kubernetes.io/warn"


def kubectl(*arguments: str, given: str | None = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["kubectl", *arguments], input=given, capture_output=True, text=True, check=False)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def known(objects: list[Object]) -> tuple[list[Object], set[str]]:
    """Return what the server knows the kinds of, and the kinds that it does not know."""
    versions = set(kubectl("api-versions").stdout.split())
    found = [thing for thing in objects if thing["apiVersion"] in versions]
    return found, {
        f"{thing['kind']} ({thing['apiVersion']})" for thing in objects if thing["apiVersion"] not in versions
    }


def moved(objects: list[Object], namespace: str) -> list[Object]:
    """Put everything into another namespace."""
    for thing in objects:
        metadata = thing["metadata"]
        if thing["kind"] == "Namespace":
            metadata["name"] = namespace
            metadata["labels"][WARN] = metadata["labels"][LEVEL]
        elif "namespace" in metadata:
            metadata["namespace"] = namespace
        for subject in thing.get("subjects", []):
            subject["namespace"] = namespace
    return objects


def faults(path: Path) -> str:
    """Return what the server has against a rendering, empty if nothing."""
    namespace = f"bookmeup-dry-run-{uuid.uuid4().hex[:8]}"
    objects = moved(list(yaml.load_all(path.read_text(), yaml.CSafeLoader)), namespace)
    found, unknown = known(objects)
    if unknown:
        say(f"!!! {path.stem}: SKIPPED, because this API server does not know it: {', '.join(sorted(unknown))}")
    (home,) = [thing for thing in found if thing["kind"] == "Namespace"]
    made = kubectl("create", "-f", "-", given=json.dumps(home))
    if made.returncode:
        return made.stderr
    try:
        whole = json.dumps({"apiVersion": "v1", "kind": "List", "items": found})
        done = kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-", given=whole)
    finally:
        kubectl("delete", "namespace", namespace, "--wait=false")
    if done.returncode == 0 and not done.stderr:
        say(f"=== {path.stem}: the API server takes all {len(found)} objects, without a warning")
    return done.stderr or ("" if done.returncode == 0 else "kubectl failed")


def main(folder: Path) -> None:
    wrong = {path.stem: told for path in sorted(folder.glob("*.yaml")) if (told := faults(path))}
    for name, told in wrong.items():
        say(f"*** {name}: {told}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
