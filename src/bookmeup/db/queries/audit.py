"""The trail of what was done, and the work that follows from it: one row of each a change, in its transaction."""

from collections.abc import Sequence

from sqlalchemy import text

from bookmeup.db.transactions import Tx

_RECORD = text("""
WITH trail AS (
  INSERT INTO audit_log (actor_id, action, subject, subject_id, details, request_id)
  VALUES (:actor, :action, :subject, :id, CAST(:details AS jsonb), :request_id)
)
INSERT INTO outbox (kind, payload, aggregate)
VALUES (:kind, jsonb_build_object('id', CAST(:id AS bigint)), :subject || ':' || CAST(:id AS text))
""")


def record(tx: Tx, action: str, subject: str, subject_id: int, details: str = "{}") -> None:
    """Write what happened, such as `created` of a `closure`; `details` is JSON without personal data."""
    tx.run(
        _RECORD,
        actor=tx.caller.actor,
        action=action,
        subject=subject,
        id=subject_id,
        details=details,
        request_id=tx.caller.request_id,
        kind=f"{subject}.{action}",
    )


_RECORD_ALL = text("""
WITH subject AS (SELECT unnest(CAST(:ids AS bigint[])) AS id), trail AS (
  INSERT INTO audit_log (actor_id, action, subject, subject_id, details, request_id)
  SELECT :actor, :action, :subject, id, CAST(:details AS jsonb), :request_id FROM subject
)
INSERT INTO outbox (kind, payload, aggregate)
SELECT :kind, jsonb_build_object('id', id), :subject || ':' || CAST(id AS text) FROM subject
""")


def record_all(tx: Tx, action: str, subject: str, ids: Sequence[int], details: str = "{}") -> None:
    """Write the same of many subjects, in one statement."""
    tx.run(
        _RECORD_ALL,
        actor=tx.caller.actor,
        action=action,
        subject=subject,
        ids=list(ids),
        details=details,
        request_id=tx.caller.request_id,
        kind=f"{subject}.{action}",
    )
