"""Versions below these have holes that are known (security.md §5). Compared offline with what the locks hold."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

TOP = Path(__file__).parents[1]
FLOORS = {
    "authlib": "1.7.1",  # CVE-2024-37568, CVE-2025-61920, CVE-2026-27962 and others
    "joserfc": "1.6.8",  # the same classes
    "starlette": "1.3.1",  # CVE-2024-47874, CVE-2025-62727, CVE-2026-48710, CVE-2026-54282, CVE-2026-54283
    "uvicorn": "0.54",  # CVE-2020-7694, CVE-2020-7695
    "aiohttp": "3.14",  # CVE-2025-69223 to -69229, CVE-2026-50269
    "python-multipart": "0.0.34",  # CVE-2024-53981, CVE-2026-42561 and later
    "jinja2": "3.1.6",  # CVE-2025-27516
}
LOCKS = sorted((TOP / "locks").glob("*.lock"))
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


def pinned(lock: Path) -> dict[str, Version]:
    return {name.lower().replace("_", "-"): Version(version) for name, version in PINNED.findall(lock.read_text())}


def declared() -> dict[str, Requirement]:
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    return {found.name: found for found in map(Requirement, project["dependencies"])}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_no_lock_holds_a_version_below_its_floor(lock: Path) -> None:
    versions = pinned(lock)
    assert versions, "an empty lock proves nothing"
    for name, floor in FLOORS.items():
        assert versions.get(name, Version(floor)) >= Version(floor), name


def test_the_image_and_the_laptop_have_all_of_them() -> None:
    for name in ("image.lock", "laptop.lock"):
        assert set(FLOORS) <= set(pinned(TOP / "locks" / name)), name


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_line_of_a_lock_has_its_hash(lock: Path) -> None:
    text = lock.read_text()
    blocks = re.split(r"\n(?=[A-Za-z0-9])", "\n" + re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    for block in filter(None, (each.strip() for each in blocks)):
        assert "--hash=sha256:" in block, block[:80]


@pytest.mark.parametrize("name", FLOORS)
def test_what_is_declared_allows_nothing_below_the_floor(name: str) -> None:
    lowest = [Version(each.version) for each in declared()[name].specifier if each.operator in (">=", "==", "~=")]
    assert lowest
    assert max(lowest) >= Version(FLOORS[name])


def test_the_deprecated_jose_is_not_used() -> None:
    for path in (TOP / "src").rglob("*.py"):
        assert "authlib.jose" not in path.read_text(), path
