"""Answers that are kept under the client's Idempotency-Key, in the transaction that they tell of."""

import hashlib
from collections.abc import Callable, Mapping

import msgspec
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bookmeup.clients.headers import OWN_KEY
from bookmeup.db.transactions import WHO, Opening, Step, Tx
from bookmeup.db.violations import refusal_of
from bookmeup.errors import AppointmentsAffected, KeyInFlight, KeyReused, Refusal
from bookmeup.web.problems import document

KEPT_BELOW = 500
NOT_KEPT = (401, 403, 429)

# Before all else, so that locks are taken in the same order everywhere; with what every transaction begins with.
_CLAIMED = """WITH claimed AS (
  INSERT INTO idempotency_keys (actor, route, key, request_hash, expires_at)
  VALUES (coalesce(CAST(:actor AS bigint), 0), :route, :key, :hash,
          coalesce(CAST(:until AS timestamptz), now() + interval '24 hours'))
  ON CONFLICT DO NOTHING RETURNING ctid::text AS row)"""
_OPENED = f"SELECT {WHO}, (SELECT row FROM claimed) AS claimed"  # noqa: S608 - constants
_CLAIM = text(f"{_CLAIMED} {_OPENED}")
_CLAIM_BEFORE = text(f"""
{_CLAIMED} SELECT set_config('bookmeup.opened', row_to_json(opened)::text, true) FROM ({_OPENED}) opened
""")  # noqa: S608 - constants
_KEPT = text(
    "SELECT request_hash, status, answer FROM idempotency_keys WHERE actor = :actor AND route = :route AND key = :key"
)
# By its place, where it stays: this transaction alone knows of it. No index has to be looked into again.
_KEEP = text("UPDATE idempotency_keys SET status = :status, answer = :answer WHERE ctid = CAST(:row AS tid)")


Claim = Mapping[str, object]


def claim_of(key: str, route: str, body: object, *, lasting: bool) -> Claim:
    """Return what a key is claimed by; `body` is what makes two requests the same.

    What is `lasting` is kept for as long as the database, if the key is the client's: ours are not sent a day later.
    """
    until = "infinity" if lasting and not key.startswith(OWN_KEY) else None
    digest = hashlib.sha256(msgspec.json.encode(body)).digest()
    return {"route": route, "key": key, "hash": digest, "until": until}


def claiming(claim: Claim, then: Opening | None) -> Opening:
    """Return the opening that claims a key; `then` is what reads OPENED and more in the same message."""
    if then is None:
        return Opening(_CLAIM, claim)
    return then._replace(before=[Step(_CLAIM_BEFORE, claim), *then.before])


def decided_once(tx: Tx, claim: Claim, status: int, work: Callable[[Tx], object]) -> tuple[int, bytes]:
    """Return status and body of the work, or of the first request with the key that the opening claims."""
    assert tx.opened is not None  # by the claim
    if tx.opened.claimed is None:
        return _kept(tx, claim)
    answered, answer = _under_savepoint(tx, status, work)
    tx.soon(_KEEP, row=tx.opened.claimed, status=answered, answer=answer.decode())
    return answered, answer


def _kept(tx: Tx, claim: Claim) -> tuple[int, bytes]:
    row = tx.one(_KEPT, actor=tx.caller.actor or 0, route=claim["route"], key=claim["key"])
    if row is None:
        raise KeyInFlight
    if bytes(row.request_hash) != claim["hash"]:
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
