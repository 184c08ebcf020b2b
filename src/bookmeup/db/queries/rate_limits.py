"""Limits that hold over all replicas: GCRA, one conditional upsert a try.

A row holds the theoretical arrival time of its subject (ITU-T I.371). Refused tries change nothing.
"""

import math
from typing import NamedTuple

from sqlalchemy import text

from bookmeup.db.transactions import Tx
from bookmeup.errors import TooManyRequests


class Rule(NamedTuple):
    """At most `tries` at once, and as many again over `seconds`."""

    name: str
    tries: int
    seconds: int

    @property
    def emission(self) -> float:
        return self.seconds / self.tries


LOGIN = Rule("login", 10, 300)
REGISTER = Rule("register", 1000, 600)

_TRY = text("""
INSERT INTO rate_limits AS r (rule, subject, arrival_at)
VALUES (:rule, :subject, now() + make_interval(secs => :emission))
ON CONFLICT (rule, subject) DO UPDATE
SET arrival_at = greatest(r.arrival_at, now()) + make_interval(secs => :emission)
WHERE greatest(r.arrival_at, now()) + make_interval(secs => :emission) <= now() + make_interval(secs => :burst)
RETURNING 1
""")
_WAIT = text("""
SELECT extract(epoch FROM arrival_at - now()) + :emission - :burst AS seconds FROM rate_limits
WHERE rule = :rule AND subject = :subject
""")


def limit(tx: Tx, rule: Rule, subject: str) -> None:
    """Count one try; raises TooManyRequests, with when to come back, if it is one too many."""
    place = {"rule": rule.name, "subject": subject, "emission": rule.emission, "burst": float(rule.seconds)}
    if tx.one(_TRY, **place) is None:
        row = tx.one(_WAIT, **place)
        raise TooManyRequests(retry_after=max(1, math.ceil(row.seconds)) if row else 1)
