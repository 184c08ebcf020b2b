"""An appointment may take its number before it is inserted, so that one message inserts and commits it."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# The oldest image (by the newest revision it knows) that works on the schema after this migration.
OLDEST_IMAGE = "0001"

NUMBERS = "SEQUENCE appointments_id_seq"


def upgrade() -> None:
    op.execute(f"GRANT USAGE ON {NUMBERS} TO bookmeup_logic")
    op.execute("INSERT INTO schema_compat (revision, oldest_image) VALUES ('0006', '0001')")


def downgrade() -> None:
    op.execute(f"REVOKE USAGE ON {NUMBERS} FROM bookmeup_logic")
    op.execute("DELETE FROM schema_compat WHERE revision = '0006'")
