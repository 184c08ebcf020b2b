"""Answers that are kept under the client's Idempotency-Key, in the transaction that they tell of."""

import hashlib
from collections.abc import Callable
from typing import NamedTuple

import msgspec
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bookmeup.db.transactions import Tx
from bookmeup.db.violations import refusal_of
from bookmeup.errors import AppointmentsAffected, KeyInFlight, KeyReused, Refusal
from bookmeup.web.problems import document

KEPT_BELOW = 500
NOT_KEPT = (401, 403, 429)

_CLAIM = text("""
INSERT INTO idempotency_keys (actor, route, key, request_hash, expires_at)
VALUES (:actor, :route, :key, :hash, now() + interval '24 hours') ON CONFLICT DO NOTHING RETURNING ctid::text
""")
_KEPT = text(
    "SELECT request_hash, status, answer FROM idempotency_keys WHERE actor = :actor AND route = :route AND key = :key"
)
# By its place, where it stays: this transaction alone knows of it. No index has to be looked into again.
_KEEP = text("UPDATE idempotency_keys SET status = :status, answer = :answer WHERE ctid = CAST(:row AS tid)")


class Asked(NamedTuple):
    """A request: its route, what makes two of them the same, and the status of success."""

    route: str
    body: object
    status: int


def decided_once(tx: Tx, asked: Asked, work: Callable[[Tx], object]) -> tuple[int, bytes]:
    """Return status and body of the work, or of the first request with this key."""
    place = {"actor": tx.caller.actor or 0, "route": asked.route, "key": tx.caller.key}
    digest = hashlib.sha256(msgspec.json.encode(asked.body)).digest()
    row = _claimed(tx, place, digest)
    if row is None:
        return _kept(tx, place, digest)
    answered, answer = _under_savepoint(tx, asked.status, work)
    tx.soon(_KEEP, row=row, status=answered, answer=answer.decode())
    return answered, answer


def _claimed(tx: Tx, place: dict[str, object], digest: bytes) -> str | None:
    """Insert the key's row and return where it is; waits for a request under way that has inserted it."""
    try:
        claimed = tx.one(_CLAIM, **place, hash=digest)
    except DBAPIError as error:
        if getattr(error.orig, "pgcode", None) in ("55P03", "57014"):
            raise KeyInFlight from error
        raise
    return None if claimed is None else claimed.ctid


def _kept(tx: Tx, place: dict[str, object], digest: bytes) -> tuple[int, bytes]:
    row = tx.one(_KEPT, **place)
    if row is None:
        raise KeyInFlight
    if bytes(row.request_hash) != digest:
        raise KeyReused
    return row.status, row.answer.encode()


def _under_savepoint(tx: Tx, status: int, work: Callable[[Tx], object]) -> tuple[int, bytes]:
    """Run the work so that a refusal by the rules undoes it and is an answer like any other."""
    tx.set_savepoint()
    try:
        answer = msgspec.json.encode(work(tx))
    except DBAPIError as error:
        refusal = refusal_of(error)
        if not isinstance(refusal, Refusal) or not _is_kept(refusal):
            raise
    except Refusal as error:
        if not _is_kept(error):
            raise
        refusal = error
    else:
        return status, answer
    tx.undo()
    return refusal.status, msgspec.json.encode(document(refusal))


def _is_kept(refusal: Refusal) -> bool:
    """Whether a retry is answered from here; other people's appointments are not for keeping."""
    if isinstance(refusal, AppointmentsAffected):
        return False
    return refusal.status < KEPT_BELOW and refusal.status not in NOT_KEPT
