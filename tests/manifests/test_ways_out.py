"""The README's examples of a way out, as they stand there: each opens what it says and nothing else."""

import re
from pathlib import Path

import pytest
import yaml
from tests.manifests.combinations import COMBINATIONS, ROOT, built, write
from tests.manifests.policies import INTERNET, edges, in_block
from tests.manifests.rendering import Rendering, render


def example(name: str) -> str:
    """Return the README's NetworkPolicy of that name."""
    blocks: list[str] = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (found,) = [block for block in blocks if f"metadata: {{name: {name}}}" in block]
    return found


def added(overlay: str, policy: str, folder: Path) -> set[tuple[str, str, int]]:
    """Return the edges that a policy adds when it is put where the README says."""
    written = write(COMBINATIONS[overlay], folder)
    (written / "way-out.yaml").write_text(policy)
    file = written / "kustomization.yaml"
    content = yaml.safe_load(file.read_text())
    content["resources"].append("way-out.yaml")
    file.write_text(yaml.safe_dump(content))
    return edges(Rendering(overlay, list(yaml.safe_load_all(built(written))))) - edges(render(overlay))


@pytest.mark.parametrize(("overlay", "pod"), [("prod", "db-service"), ("prod+worker", "worker")])
def test_the_outbox_s_pods_reach_mail_and_webhooks_outside_alone(overlay: str, pod: str, tmp_path: Path) -> None:
    policy = example("outbox-out").replace("app: db-service", f"app: {pod}")
    assert added(overlay, policy, tmp_path / "copy") == {(pod, "internet", 443), (pod, "internet", 587)}


def test_dumps_may_be_copied_elsewhere(tmp_path: Path) -> None:
    found = added("prod+backup", example("backup-elsewhere"), tmp_path / "copy")
    # The policy goes by a label that the restore has too.
    assert {(who, port) for who, _, port in found} == {("backup", 443), ("restore", 443)}


@pytest.mark.parametrize("address", ["10.96.0.1", "172.31.255.1", "192.168.1.1", "100.64.0.1", "169.254.169.254"])
def test_private_addresses_are_shut(address: str) -> None:
    (rule,) = yaml.safe_load(example("outbox-out"))["spec"]["egress"]
    (target,) = rule["to"]
    assert not in_block(address, target["ipBlock"])
    assert in_block(INTERNET.address, target["ipBlock"])
