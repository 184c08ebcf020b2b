"""What check-manifests is shown to refuse: each occurrence of a field, alone."""

from tests.manifests.typos import spoilt

BACKENDS = [{"name": "a", "weight": 90}, {"weight": 10}]
ROUTE = {"kind": "HTTPRoute", "rules": [{"weight": 1, "backends": BACKENDS}]}


def test_one_occurrence_is_spoilt_at_a_time() -> None:
    assert list(spoilt(ROUTE, "weight", "wieght")) == [
        (("rules", "weight"), {**ROUTE, "rules": [{"wieght": 1, "backends": BACKENDS}]}),
        (("rules", "backends", "weight"), with_backends([{"name": "a", "wieght": 90}, {"weight": 10}])),
        (("rules", "backends", "weight"), with_backends([{"name": "a", "weight": 90}, {"wieght": 10}])),
    ]


def with_backends(backends: list[dict[str, object]]) -> dict[str, object]:
    return {"kind": "HTTPRoute", "rules": [{"weight": 1, "backends": backends}]}
