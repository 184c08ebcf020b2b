"""Spoils a field in one place at a time: `python -m tests.manifests.typos RENDERINGS FOLDER FIELD TYPO PLACE...`.

Each place is KIND.PATH, such as HTTPRoute.spec.rules.backendRefs.weight; one that no rendering has is a fault. FOLDER
gets a file for each object and occurrence, with that one renamed and nothing else, and the number of files is said.
"""

import sys
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]


def spoilt(thing: Any, field: str, typo: str, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the path of each occurrence, without list positions, and a copy in which that one is renamed."""
    if isinstance(thing, dict):
        for key, value in thing.items():
            if key == field:
                yield (*path, key), {(typo if each == key else each): deepcopy(thing[each]) for each in thing}
            for inner, copy in spoilt(value, field, typo, (*path, key)):
                yield inner, {**thing, key: copy}
    elif isinstance(thing, list):
        for number, value in enumerate(thing):
            for inner, copy in spoilt(value, field, typo, path):
                yield inner, [*thing[:number], copy, *thing[number + 1 :]]


def main(renderings: Path, folder: Path, field: str, typo: str, *wanted: str) -> None:
    folder.mkdir()
    written: dict[str, str] = {}
    places = set()
    for rendering in sorted(renderings.glob("*.yaml")):
        for thing in yaml.load_all(rendering.read_text(), yaml.CSafeLoader):
            for path, copy in spoilt(thing, field, typo):
                places.add(".".join((thing["kind"], *path)))
                written[yaml.safe_dump(copy)] = thing["kind"]
    if missing := set(wanted) - places:
        raise SystemExit(f"no rendering has {', '.join(sorted(missing))}")
    for number, (text, kind) in enumerate(written.items()):
        (folder / f"{kind}-{number}.yaml").write_text(text)
    sys.stdout.write(f"{len(written)}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
