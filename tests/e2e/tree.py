"""A copy of the manifests that the project's own scripts may write to, with a test cluster's images in it."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from tests.e2e.cluster import Environment, new_name
from tests.manifests.combinations import ROOT


@dataclass(frozen=True)
class Tree:
    folder: Path
    environment: Environment

    def path(self, overlay: str) -> Path:
        return self.folder / "overlays" / overlay / "kustomization.yaml"

    def read(self, overlay: str) -> dict[str, Any]:
        content: dict[str, Any] = yaml.safe_load(self.path(overlay).read_text())
        return content

    def write(self, overlay: str, content: dict[str, Any]) -> None:
        self.path(overlay).parent.mkdir(exist_ok=True)
        self.path(overlay).write_text(yaml.safe_dump(content, sort_keys=False))

    def reset(self) -> None:
        """Make prod what the environment's generated overlay makes of it."""
        generated = yaml.safe_load((self.environment.folder / "kustomization.yaml").read_text())
        self.write("prod", self.read("prod") | {name: generated[name] for name in ("images", "patches")})

    def version(self, overlay: str, image: str) -> str:
        (entry,) = [each for each in self.read(overlay)["images"] if each["name"] == image]
        return str(entry["newTag"])

    def canary(self, *arguments: str, **overlays: str) -> str:
        """Run scripts/canary on this copy."""
        environment = {**os.environ, "KUSTOMIZE": str(self.folder), **overlays}  # noqa: TID251 - handed on unread
        command = [str(ROOT / "scripts" / "canary"), *arguments]
        result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert result.returncode == 0, f"{result.stdout}{result.stderr}\n{self.environment.complaints()}"
        return result.stdout


def copy(environment: Environment, image: str, folder: Path) -> Tree:
    """The tree, with an overlay more: a canary behind a Gateway. `image` gives the canary's name, not its tag."""
    tree = Tree(Path(shutil.copytree(ROOT / "kustomize", folder)), environment)
    tree.reset()
    canary = tree.read("prod-canary")
    canary["images"][0]["newName"] = new_name(image)["newName"]
    tree.write("prod-canary", canary)
    gateway = {"resources": ["../prod-gateway"], "components": ["../../components/gateway-canary"]}
    tree.write("prod-gateway-canary", canary | gateway)
    return tree
