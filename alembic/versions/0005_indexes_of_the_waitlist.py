"""Indexes of the waitlist: those who wait are few among all that ever did, and a service that is deleted takes its own.

Built CONCURRENTLY, as those of 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# The oldest image (by the newest revision it knows) that works on the schema after this migration.
OLDEST_IMAGE = "0001"

INDEXES: dict[str, tuple[str, str | None]] = {
    "waitlist_line_idx": ("id", "status IN ('waiting', 'offered')"),
    "waitlist_service_id_idx": ("service_id", None),
}


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for name, (column, condition) in INDEXES.items():
            op.drop_index(name, "waitlist", if_exists=True, postgresql_concurrently=True)
            where = None if condition is None else sa.text(condition)
            op.create_index(name, "waitlist", [column], postgresql_concurrently=True, postgresql_where=where)
    op.execute("INSERT INTO schema_compat (revision, oldest_image) VALUES ('0005', '0001')")


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, "waitlist")
    op.execute("DELETE FROM schema_compat WHERE revision = '0005'")
