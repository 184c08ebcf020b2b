"""Makes the image under test another one, inside it: `change.py expanding|raising|faulty`."""

import sys
from pathlib import Path

import bookmeup
from bookmeup.db.schema_version import HEAD

PACKAGE = Path(bookmeup.__file__).parent
NEXT = f"{int(HEAD) + 1:04}"
MIGRATION = f"""
from alembic import op

revision = "{NEXT}"
down_revision = "{HEAD}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("INSERT INTO schema_compat (revision, oldest_image) VALUES ('{NEXT}', '{HEAD}')")
    op.execute("ALTER TABLE locations ADD COLUMN chaos text")  # the last: everybody waits until the COMMIT
"""  # noqa: S608 - our own words
RAISES = "    op.execute('SELECT 1 / 0')\n"


def replace(file: Path, old: str, new: str) -> None:
    """What was compiled is not compared with its source, so it goes."""
    text = file.read_text()
    if text.count(old) != 1:
        sys.exit(f"{file}: {old!r} is there {text.count(old)} times")
    file.write_text(text.replace(old, new))
    for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
        compiled.unlink()


def main(kind: str) -> None:
    if kind == "faulty":
        route = "async def services(request: Request) -> Response:\n"
        replace(PACKAGE / "logic" / "routes" / "services.py", route, f'{route}    raise RuntimeError("chaos")\n')
        return
    (PACKAGE / "alembic" / "versions" / f"{NEXT}_chaos.py").write_text(
        MIGRATION + (RAISES if kind == "raising" else "")
    )
    replace(PACKAGE / "db" / "schema_version.py", f'HEAD = "{HEAD}"', f'HEAD = "{NEXT}"')


main(sys.argv[1])
