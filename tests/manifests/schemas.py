"""JSON schemas that know no other field than the API's, for kubeconform: `python -m tests.manifests.schemas FOLDER`.

They are made of the Go modules of Kubernetes and of the operators, which `go mod download` fetches. A schema is
GROUP/VERSION/KIND.json, the kind in small letters; for the group without a name its version stands in both places.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

Schema = dict[str, Any]
KUBERNETES = "k8s.io/kubernetes@v1.34.4"
DEFINITIONS = {
    "sigs.k8s.io/gateway-api@v1.6.1": "config/crd/standard",
    "github.com/cert-manager/cert-manager@v1.21.2": "deploy/crds",
    "github.com/prometheus-operator/prometheus-operator@v0.85.0": "example/prometheus-operator-crd",
    "github.com/external-secrets/external-secrets@v1.3.2": "config/crds/bases",
    "github.com/cloudnative-pg/cloudnative-pg@v1.28.1": "config/crd/bases",
}
"""Where a module keeps the definitions of its kinds."""

REF = "#/definitions/"
QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
EITHER: Schema = {"type": ["string", "number"]}


class Loader(yaml.CSafeLoader):
    """Knows that a lone = is text, which YAML 1.1 keeps for something else."""


def text(loader: Loader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


Loader.add_constructor("tag:yaml.org,2002:value", text)


def module(name: str) -> Path:
    """Return the folder of a Go module's sources."""
    done = subprocess.run(["go", "mod", "download", "-json", name], cwd="/", capture_output=True, check=False)
    found = json.loads(done.stdout)
    if "Error" in found:
        raise SystemExit(f"schemas: {name}: {found['Error']}")
    return Path(found["Dir"])


def strict(schema: Any) -> Any:
    """Return the schema with no room for fields that it does not name."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: strict(value) for key, value in schema.items()}
    if schema.get("format") == "int-or-string" or schema.get("x-kubernetes-int-or-string"):
        return EITHER
    is_object = isinstance(schema.get("properties"), dict)
    if is_object and "additionalProperties" not in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        closed["additionalProperties"] = False
    return closed


def references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].removeprefix(REF)
        for value in schema.values():
            yield from references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from references(value)


def closure(name: str, definitions: dict[str, Schema]) -> dict[str, Schema]:
    """Return all that a definition is made of, itself too."""
    found: dict[str, Schema] = {}
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found[current] = definitions[current]
            waiting.extend(references(definitions[current]))
    return found


def built_in(swagger: Schema) -> Iterator[tuple[str, str, str, Schema]]:
    """Yield group, version, kind and schema of every kind of Kubernetes itself."""
    definitions = {name: strict(schema) for name, schema in swagger["definitions"].items()}
    definitions[QUANTITY] = EITHER
    for name, schema in swagger["definitions"].items():
        for of in schema.get("x-kubernetes-group-version-kind", []):
            whole = {"$ref": REF + name, "definitions": closure(name, definitions)}
            yield of["group"] or of["version"], of["version"], of["kind"], whole


def defined(folder: Path) -> Iterator[tuple[str, str, str, Schema]]:
    """Yield the same of every CustomResourceDefinition of a folder."""
    for path in sorted(folder.glob("*.yaml")):
        for document in yaml.load_all(path.read_text(), Loader):
            if document and document.get("kind") == "CustomResourceDefinition":
                spec = document["spec"]
                for version in spec["versions"]:
                    schema = strict(version["schema"]["openAPIV3Schema"])
                    yield spec["group"], version["name"], spec["names"]["kind"], schema


def main(target: Path) -> None:
    swagger = json.loads((module(KUBERNETES) / "api" / "openapi-spec" / "swagger.json").read_text())
    found = list(built_in(swagger))
    for name, folder in DEFINITIONS.items():
        found.extend(defined(module(name) / folder))
    for group, version, kind, schema in found:
        path = target / group / version / f"{kind.lower()}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(schema))
    sys.stderr.write(f"schemas: {len(found)} kinds\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
