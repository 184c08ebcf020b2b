"""The rooms of the house: who may import whom, and what is done in one place alone (architecture.md)."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
PACKAGE = TOP / "src" / "bookmeup"
EVERYTHING = {"domain", "schemas", "web", "clients", "auth", "logic", "db", "pages", "cli", "settings", "errors", ""}
MAY_IMPORT: dict[str, set[str]] = {
    "__main__": EVERYTHING,
    "__init__": set(),
    "cli": EVERYTHING,
    "settings": set(),
    "errors": set(),
    "domain": {"domain"},
    "schemas": {"schemas", "domain"},
    "web": {"web", "schemas", "domain"},
    "clients": {"clients", "schemas", "domain"},
    "auth": {"auth", "web", "clients", "schemas", "domain"},
    "logic": {"logic", "web", "clients", "schemas", "domain", "pages"},
    "db": {"db", "web", "clients", "schemas", "domain"},
    "pages": {"pages", "web", "clients", "schemas", "domain"},
}
"""`errors`, and the package's own name for its version, may be imported by all."""
FILES = sorted(PACKAGE.rglob("*.py"))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def imports(path: Path) -> Iterator[str]:
    """Yield what a file imports, inside functions too, as dotted names."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield from (f"{node.module}.{name.name}" for name in node.names)


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def where(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def test_the_contracts_of_import_linter_hold() -> None:
    if "[tool.importlinter]" not in (TOP / "pyproject.toml").read_text():
        pytest.skip("there are no contracts")
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=TOP, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", FILES, ids=where)
def test_a_room_imports_what_it_may(path: Path) -> None:
    allowed = MAY_IMPORT[room(path)] | {"errors"}
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "bookmeup" and len(parts) > 1 and (PACKAGE / parts[1]).with_suffix("").name in EVERYTHING:
            assert parts[1] in allowed, f"{where(path)} imports {name}"


def files_that(uses: str) -> set[str]:
    """Return the files that import a library."""
    return {where(path) for path in FILES if any(name.split(".")[0] == uses for name in imports(path))}


@pytest.mark.parametrize("library", ["sqlalchemy", "alembic", "psycopg2"])
def test_sql_is_db_s_alone(library: str) -> None:
    """The command line hands URLs on, asks whether a database answers, and says what an error was; it writes no SQL."""
    users = files_that(library)
    assert {name for name in users if not name.startswith(("db/", "cli/"))} == set()
    for name in users:
        if name.startswith("cli/"):
            taken = {each for each in imports(PACKAGE / name) if each.startswith(library)}
            assert not taken & {"sqlalchemy.text", "sqlalchemy.select", "sqlalchemy.insert"}, name


@pytest.mark.parametrize(
    ("library", "rooms"),
    [
        ("aiohttp", {"clients"}),
        ("argon2", {"web"}),
        ("itsdangerous", {"web", "pages"}),
        ("environs", {"settings.py"}),
        ("click", {"cli"}),
        ("jinja2", {"pages"}),
    ],
)
def test_a_library_has_its_room(library: str, rooms: set[str]) -> None:
    assert {name.split("/")[0] for name in files_that(library)} <= rooms


def test_only_db_has_sql() -> None:
    verbs = ("SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM ")
    for path in FILES:
        if room(path) != "db":
            texts = (n.value for n in ast.walk(tree(path)) if isinstance(n, ast.Constant) and isinstance(n.value, str))
            assert not any(text.strip().startswith(verbs) for text in texts), where(path)


def attributes(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute):
            yield ast.unparse(node)
        elif isinstance(node, ast.Name):
            yield node.id


def test_the_environment_is_read_in_one_file() -> None:
    readers = {
        where(p) for p in FILES if any(n in ("os.environ", "os.getenv", "os.environb", "Env") for n in attributes(p))
    }
    assert readers == {"settings.py"}


def test_no_variable_of_ours_comes_in_by_click() -> None:
    assert [where(p) for p in FILES if "envvar=" in p.read_text() or "auto_envvar" in p.read_text()] == []


def calls(path: Path, method: str) -> int:
    return sum(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == method
        for node in ast.walk(tree(path))
    )


def test_one_file_commits() -> None:
    """Migrations commit by themselves; the end of a savepoint is no commit, though SQLAlchemy calls it one."""
    committing = {path for path in FILES if calls(path, "commit") - path.read_text().count("savepoint.commit()")}
    assert {where(path) for path in committing} - {"db/migrations.py"} == {"db/transactions.py"}
    assert calls(PACKAGE / "db/transactions.py", "commit") == 1
    assert [where(path) for path in FILES if "COMMIT" in path.read_text() and room(path) != "db"] == []


def test_one_file_checks_tokens() -> None:
    deciders = {where(path) for path in FILES if {"jwt.decode", "jws.deserialize_compact"} & set(attributes(path))}
    assert deciders == {"web/tokens.py"}


def test_one_file_knows_status_codes() -> None:
    """Everywhere else a refusal is a class."""
    for path in FILES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("HTTPException", "JSONResponse")):
                pytest.fail(f"{where(path)} answers {ast.unparse(node)}")


def test_nothing_decides_by_the_host_that_a_client_names() -> None:
    """T16. The path is the path of the request line; all else of the URL is made of the Host header."""
    harmless = {"request.url.path", "request.url.query", "request.url"}
    for path in FILES:
        names = set(attributes(path))
        assert not {name for name in names if name.startswith("request.url.")} - harmless, where(path)
        assert not names & {"request.base_url", "request.url_for"}, where(path)
        bare = [
            n for n in ast.walk(tree(path)) if isinstance(n, ast.Call) and "request.url" in map(ast.unparse, n.args)
        ]
        assert bare == [], where(path)


def test_errors_that_are_caught_have_a_name() -> None:
    """`except Exception` is the boundaries': the app's, the log's, that of the work beside them."""
    broad = set()
    for path in FILES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ExceptHandler) and (
                node.type is None or "Exception" in ast.unparse(node.type).split()
            ):
                broad.add(where(path))
    assert broad <= {
        "web/app.py",
        "web/background.py",
        "web/logs.py",
        "web/traffic.py",
        "cli/apps.py",
        "db/outbox.py",
    }, broad


def test_there_are_no_rooms_without_a_name() -> None:
    assert [where(p) for p in FILES if p.stem in {"utils", "helpers", "common", "manager", "base", "misc"}] == []
