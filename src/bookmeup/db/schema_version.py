"""Which schema a database has, and whether this image works on it. Alembic is not loaded for that."""

from sqlalchemy import Connection, text

HEAD = "0006"
"""The newest revision that this image knows; a test compares it with the scripts."""


def revision_of(connection: Connection) -> str | None:
    """Return the revision that the database is at, None for an empty one."""
    if connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


def fits(connection: Connection) -> bool:
    """Whether this image works on the database as it is: at head, or ahead and compatible."""
    revision = revision_of(connection)
    if revision is None or revision < HEAD:
        return False
    return revision == HEAD or accepts_older(connection, revision)


def accepts_older(connection: Connection, revision: str) -> bool:
    """Whether a revision that this image does not know says that the image still works on it."""
    query = text("SELECT oldest_image FROM schema_compat WHERE revision = :revision")
    oldest = connection.scalar(query, {"revision": revision})
    return oldest is not None and oldest <= HEAD
