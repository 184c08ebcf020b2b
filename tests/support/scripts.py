"""Migrations of a test's own, after the newest of ours."""

import shutil
from pathlib import Path

from alembic.config import Config

from bookmeup.db.migrations import configuration, folder
from bookmeup.db.schema_version import HEAD

NEXT = "9001"
_SCRIPT = """
from alembic import op

revision, down_revision, branch_labels, depends_on = "{revision}", "{after}", None, None
{marker}


def upgrade() -> None:
{upgrade}


def downgrade() -> None:
    pass
"""


def add_script(parent: Path, *statements: str, marker: str = "", autocommit: bool = False) -> Path:
    """Copy our scripts into a folder, add one that runs these statements, and return the folder."""
    scripts = parent / "alembic"
    shutil.copytree(folder(), scripts, ignore=shutil.ignore_patterns("__pycache__"))
    lines = [f"    op.execute({statement!r})" for statement in statements]
    if autocommit:
        lines = ["    with op.get_context().autocommit_block():", *(f"    {line}" for line in lines)]
    script = _SCRIPT.format(revision=NEXT, after=HEAD, marker=marker, upgrade="\n".join(lines))
    (scripts / "versions" / f"{NEXT}_of_a_test.py").write_text(script)
    return scripts


def configured(scripts: Path) -> Config:
    config = configuration()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    return config
