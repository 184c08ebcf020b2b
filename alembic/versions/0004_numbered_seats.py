"""Seats are numbered up to how many there are: the database refuses the n+1st.

`seats` is how many the time of an appointment had when it was taken; null for those that an older image writes.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# The oldest image (by the newest revision it knows) that works on the schema after this migration.
OLDEST_IMAGE = "0001"

# The waitlist's holds have numbered seats too.
RIGHTS = "INSERT (seats)"


def upgrade() -> None:
    op.add_column("appointments", sa.Column("seats", sa.Integer(), nullable=True))
    op.execute(
        "ALTER TABLE appointments ADD CONSTRAINT appointments_seat_check CHECK (seat_no BETWEEN 1 AND seats) NOT VALID"
    )
    op.execute("ALTER TABLE appointments VALIDATE CONSTRAINT appointments_seat_check")
    op.execute(f"GRANT {RIGHTS} ON appointments TO bookmeup_outbox")
    op.execute("INSERT INTO schema_compat (revision, oldest_image) VALUES ('0004', '0001')")


def downgrade() -> None:
    op.drop_column("appointments", "seats")
    op.execute("DELETE FROM schema_compat WHERE revision = '0004'")
