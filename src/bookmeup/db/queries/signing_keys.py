"""The keys that sign users' tokens: public parts in clear, private parts sealed by auth. Ages are the database's."""

from sqlalchemy import text

from bookmeup.db.transactions import Tx
from bookmeup.schemas.users import NewSigningKey, SigningKey

KEPT_SECONDS = 13 * 3600
"""A replaced key stays for so long: longer than any token it signed lives, a page session's included."""

_LOCK = text("SELECT pg_advisory_xact_lock(1801812339)")
_ALL = text("""
SELECT kid, public_jwk, sealed, extract(epoch FROM now() - published_at)::float AS age,
  extract(epoch FROM now() - replaced_at)::float AS replaced_for FROM signing_keys
WHERE replaced_at IS NULL OR replaced_at > now() - make_interval(secs => :kept)
ORDER BY published_at DESC, kid
""")
_REPLACE = text("UPDATE signing_keys SET replaced_at = now() WHERE replaced_at IS NULL")
_INSERT = text("INSERT INTO signing_keys (kid, public_jwk, sealed) VALUES (:kid, CAST(:jwk AS jsonb), :sealed)")


def published(tx: Tx) -> list[SigningKey]:
    """Return the keys that tokens may still be checked with, the newest first."""
    return [
        SigningKey(row.kid, row.public_jwk, row.sealed, row.age, row.replaced_for)
        for row in tx.all(_ALL, kept=KEPT_SECONDS)
    ]


def lock(tx: Tx) -> None:
    """Wait for whoever makes a key now."""
    tx.run(_LOCK)


def publish(tx: Tx, key: NewSigningKey, jwk: str) -> None:
    """Publish a key in place of the ones before; those stay for a while."""
    tx.run(_REPLACE)
    tx.run(_INSERT, kid=key.kid, jwk=jwk, sealed=key.sealed)
