"""Locks for what takes several services at once: every row that any of them could take, in one statement, by id."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, text

from bookmeup.db.prepared import ask
from bookmeup.db.queries.calendar import Asked


class Needed(NamedTuple):
    """A service, with one provider or any, at a location or wherever the provider or the first location is."""

    service_id: int
    provider_id: int | None = None
    location_id: int | None = None

    @classmethod
    def of(cls, asked: Asked) -> "Needed":
        return cls(asked.service_id, asked.provider_id, asked.location_id)


# As `calendar`'s lock, of many services: who could perform each, and the resources of the kind that each needs.
_LOCK = text("""
WITH asked AS (
  SELECT a.service, a.provider, coalesce(a.location,
    (SELECT r.location_id FROM resources r WHERE r.id = a.provider), (SELECT min(id) FROM locations)) AS place
  FROM unnest(CAST(:services AS bigint[]), CAST(:providers AS bigint[]), CAST(:locations AS bigint[]))
    AS a (service, provider, location)
)
SELECT id FROM resources WHERE id IN (
  SELECT p.id FROM asked JOIN resources r ON r.location_id = asked.place JOIN providers p ON p.id = r.id
  LEFT JOIN provider_services ps ON ps.provider_id = p.id AND ps.service_id = asked.service
  WHERE p.retired_at IS NULL AND (asked.provider IS NULL OR p.id = asked.provider)
    AND (p.performs_all OR ps.service_id IS NOT NULL)
  UNION ALL
  SELECT r.id FROM asked JOIN services s ON s.id = asked.service
  JOIN resources r ON r.location_id = asked.place AND r.type = s.resource_type WHERE r.retired_at IS NULL)
ORDER BY id FOR UPDATE
""")


def lock_all(connection: Connection, needed: Sequence[Needed]) -> None:
    """Lock who and what could be taken by any of these services, in order of id."""
    values = {
        "services": [one.service_id for one in needed],
        "providers": [one.provider_id for one in needed],
        "locations": [one.location_id for one in needed],
    }
    ask(connection, _LOCK, values)
