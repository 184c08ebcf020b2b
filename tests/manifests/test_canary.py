"""The canary: beside the stable services, and alike but for what makes it one."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.manifests.combinations import Combination, built, write
from tests.manifests.rendering import EVERY, SERVICES, Object, Rendering, has_canary, matches, render

CANARIES = pytest.mark.parametrize("overlay", [overlay for overlay in EVERY if has_canary(overlay)])

WITHOUT = {
    "prod-canary": "prod",
    "staging-canary": "staging",
    "prod-canary+tls": "prod-tls",
    "prod-canary+hpa": "prod+hpa",
    "prod-canary+worker": "prod+worker",
    "prod-canary+hpa+worker": "prod+hpa+worker",
    "prod-gateway+gateway-canary": "prod-gateway",
    "prod-gateway+gateway-tls+gateway-canary": "prod-gateway+gateway-tls",
}
WEIGHTS = {each: "50" if each == "staging-canary" else "10" for each in WITHOUT if "gateway" not in each}


@CANARIES
def test_stable_and_canary_select_disjoint_pods(overlay: str) -> None:
    rendering = render(overlay)
    for name in SERVICES:
        for kind in ("Deployment", "Service"):
            stable, canary = (selector(rendering.one(kind, each)) for each in (name, f"{name}-canary"))
            assert (stable, canary) == ({"app": name, "track": "stable"}, {"app": name, "track": "canary"})
        assert not matches(selector(rendering.one("Service", name)), rendering.pod(f"{name}-canary").labels)


def selector(thing: Object) -> dict[str, str]:
    found = thing["spec"]["selector"]
    selected: dict[str, str] = found.get("matchLabels", found)
    return selected


@CANARIES
def test_the_slice_is_the_services_but_for_names_labels_and_urls(overlay: str) -> None:
    rendering = render(overlay)
    for name in SERVICES:
        stable, canary = (rendering.one("Deployment", each)["spec"]["template"] for each in (name, f"{name}-canary"))
        differing = {tuple(str(step) for step in path) for path in differences(stable, canary)}
        allowed = re.compile(r"track|serviceAccountName|image|value")
        assert differing
        assert [path for path in differing if not allowed.fullmatch(path[-1])] == []


def differences(one: Any, other: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of the leaves in which two objects of the same shape differ."""
    if isinstance(one, dict) and isinstance(other, dict) and set(one) == set(other):
        for key in one:
            yield from differences(one[key], other[key], (*path, key))
    elif is_named(one) and is_named(other):  # in any order
        yield from differences({each["name"]: each for each in one}, {each["name"]: each for each in other}, path)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, pair in enumerate(zip(one, other, strict=True)):
            yield from differences(*pair, (*path, number))
    elif one != other:
        yield path


def is_named(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) and "name" in each for each in value)


@pytest.mark.parametrize("overlay", WEIGHTS)
def test_the_ingresses_differ_in_name_labels_annotations_and_services_alone(overlay: str) -> None:
    rendering = render(overlay)
    stable, canary = (rendering.one("Ingress", name) for name in ("bookmeup", "bookmeup-canary"))
    differing = set(differences(stable["spec"], canary["spec"]))
    assert {path[-3:] for path in differing} == {("backend", "service", "name")}
    assert len(differing) == len(list(paths(canary))), "each path has its canary"
    assert set(stable["metadata"]) | {"annotations", "labels"} == set(canary["metadata"])
    assert not any("canary" in name for name in stable["metadata"].get("annotations", {}))
    assert canary["metadata"]["annotations"] == {
        "nginx.ingress.kubernetes.io/canary": "true",
        "nginx.ingress.kubernetes.io/canary-weight": WEIGHTS[overlay],
        "nginx.ingress.kubernetes.io/canary-by-header": "X-Canary",
    }


def paths(ingress: Object) -> Iterator[Object]:
    for rule in ingress["spec"]["rules"]:
        yield from rule["http"]["paths"]


@pytest.mark.parametrize("overlay", [overlay for overlay in WITHOUT if "gateway" in overlay])
def test_each_path_of_the_gateway_has_a_tenth_and_a_forced_canary(overlay: str) -> None:
    stable, canary = (render(each).one("HTTPRoute", "bookmeup") for each in (WITHOUT[overlay], overlay))
    rules = {rule["name"]: rule for rule in canary["spec"]["rules"]}
    assert len(rules) == 3 * len(stable["spec"]["rules"])
    for rule in stable["spec"]["rules"]:
        (backend,) = rule["backendRefs"]
        other = {**backend, "name": f"{backend['name']}-canary"}
        split = rules[rule["name"]]
        assert split["matches"] == rule["matches"]
        assert split["backendRefs"] == [{**backend, "weight": 90}, {**other, "weight": 10}]
        for name, value, target in (("forced", "always", other), ("refused", "never", backend)):
            chosen = rules[f"{rule['name']}-{name}"]
            header = [{"name": "X-Canary", "value": value}]
            assert chosen["matches"] == [{**match, "headers": header} for match in rule["matches"]]
            assert chosen["backendRefs"] == [target]


@CANARIES
def test_one_label_finds_all_that_abort_deletes_and_nothing_else(overlay: str) -> None:
    rendering = render(overlay)
    found = {
        f"{thing['kind']} {thing['metadata']['name']}"
        for thing in rendering.objects
        if thing["metadata"].get("labels", {}).get("track") == "canary"
    }
    added = names(rendering) - names(render(WITHOUT[overlay]))
    assert found == added


def names(rendering: Rendering) -> set[str]:
    return {f"{thing['kind']} {thing['metadata']['name']}" for thing in rendering.objects}


@CANARIES
def test_the_edge_can_be_applied_apart_from_what_it_leads_to(overlay: str) -> None:
    rendering = render(overlay)
    edges = [thing for kind in ("Ingress", "HTTPRoute") for thing in rendering.all(kind)]
    leading = [e for e in edges if "-canary" in str(e["spec"])]
    assert [e["metadata"]["labels"]["app"] for e in leading] == ["edge"]


def test_the_autoscaler_may_stand_before_or_behind_the_canary(tmp_path: Path) -> None:
    behind = built(write(Combination("prod-canary", ("hpa",)), tmp_path / "copy"))
    assert inventory(yaml.safe_load_all(behind)) == inventory(render("prod-canary+hpa").objects)


def inventory(objects: Iterable[Object]) -> dict[tuple[str, str], Object]:
    return {(thing["kind"], thing["metadata"]["name"]): thing for thing in objects}
