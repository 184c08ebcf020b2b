"""Every overlay and every combination of an overlay with components that is promised: the one list of them.

A component joins the `components:` of an overlay's own kustomization, after those that are there, as the README says.
`python -m tests.manifests.combinations FOLDER` renders them all.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import yaml

ROOT = Path(__file__).parents[2]


class Combination(NamedTuple):
    overlay: str
    components: tuple[str, ...] = ()
    images: tuple[tuple[str, str, str], ...] = ()
    """What the overlay's `images:` must say besides: name, new name, tag."""
    in_prod: tuple[str, ...] = ()
    """Components that joined prod's own kustomization, where this overlay is made of prod."""


CANARY = (("bookmeup-canary", "bookmeup", "0.1.0"),)

COMBINATIONS: dict[str, Combination] = {
    "dev": Combination("dev"),
    "staging": Combination("staging"),
    "prod": Combination("prod"),
    "prod-tls": Combination("prod-tls"),
    "prod-canary": Combination("prod-canary"),
    "staging-canary": Combination("staging-canary"),
    "prod-gateway": Combination("prod-gateway"),
    "prod-canary+tls": Combination("prod-canary", ("tls",)),
    "prod+hpa": Combination("prod", ("hpa",)),
    "prod+monitoring": Combination("prod", ("monitoring",)),
    "prod-gateway+gateway-canary": Combination("prod-gateway", ("gateway-canary",), CANARY),
    "prod-gateway+gateway-tls": Combination("prod-gateway", ("gateway-tls",)),
    "prod-gateway+gateway-tls+gateway-canary": Combination("prod-gateway", ("gateway-tls", "gateway-canary"), CANARY),
    "prod+backup": Combination("prod", ("backup",)),
    "prod+external-secrets": Combination("prod", ("external-secrets",)),
    "prod+cloudnative-pg": Combination("prod", ("cloudnative-pg",)),
    "prod+backup+worker+cloudnative-pg": Combination("prod", ("backup", "worker", "cloudnative-pg")),
    "prod+worker": Combination("prod", ("worker",)),
    "prod+rotation": Combination("prod", ("rotation",)),
    "prod+hpa+worker": Combination("prod", ("hpa", "worker")),
    "prod-canary+hpa": Combination("prod-canary", in_prod=("hpa",)),
    "prod-canary+worker": Combination("prod-canary", in_prod=("worker",)),
    "prod-canary+hpa+worker": Combination("prod-canary", in_prod=("hpa", "worker")),
    "staging+adminer-nodeport": Combination("staging", ("adminer-nodeport",)),
    "prod+adminer-nodeport": Combination("prod", ("adminer-nodeport",)),
}


def write(combination: Combination, folder: Path) -> Path:
    """Write the overlay with its further components into a new folder that kustomize can read, and return that."""
    source = ROOT / "kustomize" / "overlays" / combination.overlay
    shutil.copytree(source, folder)
    file = folder / "kustomization.yaml"
    content = yaml.safe_load(file.read_text())
    here = folder.resolve()
    for part in ("resources", "components"):
        content[part] = [moved(entry, source, here) for entry in content.get(part, [])]
    if combination.in_prod:
        write(Combination("prod", combination.in_prod), here / "prod")
        content["resources"] = ["prod"]
    wanted = (ROOT / "kustomize" / "components" / name for name in combination.components)
    content["components"] += [os.path.relpath(path, here) for path in wanted]
    added = [{"name": name, "newName": new, "newTag": tag} for name, new, tag in combination.images]
    content["images"] = [*content.get("images", []), *added]
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    return folder


def moved(entry: str, source: Path, here: Path) -> str:
    """Return the path of a file or folder outside the overlay as seen from its copy; its own files came along."""
    return os.path.relpath((source / entry).resolve(), here) if entry.startswith("..") else entry


def render(name: str, folder: Path, kustomize: Sequence[str] = ("kubectl", "kustomize")) -> str:
    """Return what a combination becomes. `folder` is a new one for the copy."""
    return built(write(COMBINATIONS[name], folder), kustomize)


def built(folder: Path, kustomize: Sequence[str] = ("kubectl", "kustomize")) -> str:
    """Return what a folder becomes; a warning is a fault as well."""
    done = subprocess.run([*kustomize, str(folder)], capture_output=True, text=True, check=False)
    if done.returncode or done.stderr:
        raise RuntimeError(f"{folder.name}: {done.stderr}")
    return done.stdout


def main(target: Path, *kustomize: str) -> None:
    """Render all into NAME.yaml of a new folder, with kubectl's kustomize or the command that is given."""
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as copies:
        for name in COMBINATIONS:
            text = render(name, Path(copies) / name, kustomize or ("kubectl", "kustomize"))
            (target / f"{name}.yaml").write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
