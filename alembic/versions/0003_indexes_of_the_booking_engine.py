"""Indexes of the booking engine on tables that were there before it.

Built CONCURRENTLY: outside a transaction, while others write. One that was left half-built by an interruption is
dropped first.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# The oldest image (by the newest revision it knows) that works on the schema after this migration.
OLDEST_IMAGE = "0001"

INDEXES: dict[str, tuple[str, list[str], str | None]] = {
    "appointments_series_id_idx": ("appointments", ["series_id"], None),
    "appointments_visit_id_idx": ("appointments", ["visit_id"], None),
    "appointments_hold_until_idx": ("appointments", ["hold_until"], "status = 'hold'"),
    "appointments_hold_idx": ("appointments", ["provider_id", "hold_until"], "status = 'hold'"),
    "occurrences_group_idx": ("occurrences", ["provider_id", "starts_at"], "capacity > 1"),
    "occupied_hold_idx": ("occupied", ["resource_id", "hold_until"], "status = 'hold'"),
    "outbox_aggregate_idx": ("outbox", ["aggregate", "id"], "done_at IS NULL"),
    "resources_location_id_idx": ("resources", ["location_id"], None),
}


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for name, (table, columns, condition) in INDEXES.items():
            op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
            where = None if condition is None else sa.text(condition)
            op.create_index(name, table, columns, postgresql_concurrently=True, postgresql_where=where)
    op.execute("INSERT INTO schema_compat (revision, oldest_image) VALUES ('0003', '0001')")


def downgrade() -> None:
    for name, (table, _, _) in INDEXES.items():
        op.drop_index(name, table)
    op.execute("DELETE FROM schema_compat WHERE revision = '0003'")
