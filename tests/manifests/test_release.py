"""`scripts/release`: one entry in each overlay says the version; `scripts/canary` takes no host away."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from tests.manifests.combinations import ROOT
from tests.manifests.rendering import kustomize

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "kustomize", tmp_path / "kustomize"))


def release(tree: Path, *arguments: str, image: str = "bookmeup") -> "subprocess.CompletedProcess[str]":
    environment = {"KUSTOMIZE": str(tree), "IMAGE": image, "PATH": "/usr/bin:/bin"}
    command = [str(ROOT / "scripts" / "release"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def images(tree: Path, overlay: str) -> set[str]:
    rendered = kustomize(f"overlays/{overlay}", tree)
    assert rendered.returncode == 0, rendered.stderr
    things = yaml.load_all(rendered.stdout, yaml.CSafeLoader)
    specs = [t["spec"]["template"]["spec"] for t in things if t["kind"] in {"Deployment", "Job"}]
    found = {c["image"] for spec in specs for c in [*spec["containers"], *spec.get("initContainers", [])]}
    return {image for image in found if image.startswith("bookmeup")}


@pytest.mark.parametrize(
    ("version", "image"),
    [("1.10", "bookmeup:1.10"), ("2.0.0-rc1", "bookmeup:2.0.0-rc1"), (DIGEST, f"bookmeup@{DIGEST}")],
)
def test_tag_or_digest_takes_the_place_of_the_other(tree: Path, version: str, image: str) -> None:
    for first in (DIGEST, "0.9.0"):
        assert release(tree, first).returncode == 0
    assert release(tree, version).returncode == 0
    for overlay in ("dev", "staging", "prod", "prod-tls", "prod-gateway"):
        assert images(tree, overlay) == {image}


def test_one_overlay_alone(tree: Path) -> None:
    before = images(tree, "prod")
    assert release(tree, "7.0.0", "staging").returncode == 0
    assert (images(tree, "staging"), images(tree, "prod")) == ({"bookmeup:7.0.0"}, before)


def test_the_canary_has_a_version_of_its_own(tree: Path) -> None:
    assert release(tree, "1.0.0", "prod").returncode == 0
    assert release(tree, "1.1.0", "prod-canary", image="bookmeup-canary").returncode == 0
    assert images(tree, "prod-canary") == {"bookmeup:1.0.0", "bookmeup:1.1.0"}


def test_an_image_of_another_name_keeps_it(tree: Path) -> None:
    path = tree / "overlays" / "prod" / "kustomization.yaml"
    path.write_text(
        path.read_text().replace("- name: bookmeup\n", "- name: bookmeup\n  newName: bookmeup.example/app\n")
    )
    assert release(tree, "1.2.3", "prod").returncode == 0
    assert images(tree, "prod") == {"bookmeup.example/app:1.2.3"}


@pytest.mark.parametrize("version", ["", "latest", "v1", "1", "sha256:12", '1.0"\n', "1.0 2.0"])
def test_what_names_no_version_is_refused_and_changes_nothing(tree: Path, version: str) -> None:
    before = images(tree, "prod")
    refused = release(tree, version)
    assert (refused.returncode, "VERSION is" in refused.stderr) == (1, True)
    assert images(tree, "prod") == before


def test_an_unknown_overlay_stops_all(tree: Path) -> None:
    before = images(tree, "dev")
    assert release(tree, "1.0.0", "dev", "production").returncode == 1
    assert images(tree, "dev") == before


@pytest.mark.parametrize("command", [["try", "9.9.9"], ["promote"]])
def test_a_canary_with_another_address_than_stable_is_refused_before_anything_changes(
    tree: Path, command: list[str]
) -> None:
    canary = tree / "overlays" / "prod-canary" / "kustomization.yaml"
    component = "- ../../components/canary\n"
    canary.write_text(canary.read_text().replace(component, component + "- ../../components/tls\n"))
    before = canary.read_text(), images(tree, "prod")
    assert "differ in BASE_URL" in run_canary(tree, *command)
    assert (canary.read_text(), images(tree, "prod")) == before
    assert "differ in BASE_URL" not in run_canary(tree, *command, STABLE="prod-tls")


NO_CLUSTER = """
apiVersion: v1
kind: Config
clusters: [{name: none, cluster: {server: "http://127.0.0.1:9"}}]
contexts: [{name: none, context: {cluster: none, user: ""}}]
current-context: none
"""


def run_canary(tree: Path, *arguments: str, **overlays: str) -> str:
    """Return what it complains of; there is no cluster for it."""
    nowhere = tree / "kubeconfig"
    nowhere.write_text(NO_CLUSTER)
    environment = {**os.environ, "KUSTOMIZE": str(tree), "KUBECONFIG": str(nowhere), **overlays}  # noqa: TID251 - handed on unread
    command = [str(ROOT / "scripts" / "canary"), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    return done.stderr
