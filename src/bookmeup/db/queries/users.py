"""Users, their passwords' hashes and their sessions."""

import uuid

import msgspec
from sqlalchemy import Connection, Row, text

from bookmeup.db.prepared import ask
from bookmeup.db.transactions import Caller, Tx
from bookmeup.domain.users import UserRole
from bookmeup.errors import RoleNotAllowed, Unauthenticated
from bookmeup.schemas.users import Credentials, NewUser, Session, StoredProfile, User

_INSERT = text("""
WITH made AS (INSERT INTO users (name, email, role) VALUES (:name, :email, :role) RETURNING id),
secret AS (INSERT INTO passwords (user_id, hash) SELECT id, :hash FROM made)
SELECT id FROM made
""")
_CREDENTIALS = text("""
SELECT u.id, u.name, u.email, u.role, p.hash FROM users u JOIN passwords p ON p.user_id = u.id
WHERE lower(u.email) = lower(:email)
""")
_OPEN_SESSION = text("""
INSERT INTO sessions (id, user_id, expires_at)
SELECT :sid, id, now() + make_interval(secs => :lifetime) FROM users WHERE id = :user
RETURNING (SELECT row_to_json(u) FROM (SELECT id, name, email, role FROM users WHERE id = :user) u)::text AS who
""")
_ALIVE = text("""
SELECT u.id, u.name, u.email, u.role FROM sessions s JOIN users u ON u.id = s.user_id
WHERE s.id = :sid AND u.id = :user AND s.ended_at IS NULL AND s.expires_at > now()
""")
_END_ONE = text("UPDATE sessions SET ended_at = now() WHERE id = :sid AND user_id = :user AND ended_at IS NULL")
_END_ALL = text("""
UPDATE sessions SET ended_at = now()
WHERE user_id = :user AND ended_at IS NULL AND id IS DISTINCT FROM CAST(:but AS uuid)
""")
_REHASH = text("UPDATE passwords SET hash = :hash, changed_at = now() WHERE user_id = :user")
_SET_PASSWORD = text("""
UPDATE passwords p SET hash = :hash, changed_at = now() FROM users u
WHERE u.id = p.user_id AND lower(u.email) = lower(:email) RETURNING u.id
""")
_PROFILE = text("UPDATE users SET name = coalesce(:name, name), email = coalesce(:email, email) WHERE id = :user")
_HAS_ADMIN = text("SELECT EXISTS (SELECT 1 FROM users WHERE role = 'admin')")
_ROLE = text("UPDATE users SET role = :role WHERE id = :user")
_ME = text("""
SELECT u.id, u.name, u.email, u.role FROM users u JOIN sessions s ON s.user_id = u.id
WHERE u.id = :actor AND s.id = :sid AND s.ended_at IS NULL AND s.expires_at > now()
""")
_LIST = text("""
WITH actor AS (
  SELECT u.id, u.role FROM users u JOIN sessions s ON s.user_id = u.id
  WHERE u.id = :actor AND s.id = :sid AND s.ended_at IS NULL AND s.expires_at > now())
SELECT actor.role AS actor_role, t.* FROM actor LEFT JOIN LATERAL (
  SELECT id, name, email, role FROM users WHERE id > :after ORDER BY id LIMIT :limit
) t ON actor.role = 'admin' ORDER BY t.id
""")


def insert(tx: Tx, user: NewUser) -> int:
    """Insert a user with a password; the constraint on the address refuses a second one."""
    row = tx.one(_INSERT, name=user.name, email=user.email, role=user.role.value, hash=user.password_hash)
    assert row is not None
    return int(row.id)


def credentials(tx: Tx, email: str) -> Credentials:
    row = tx.one(_CREDENTIALS, email=email)
    return Credentials(None, None) if row is None else Credentials(_user(row), row.hash)


def open_session(tx: Tx, user_id: int, lifetime: int) -> Session | None:
    """Open a session of so many seconds for a user who exists."""
    sid = str(uuid.uuid4())
    row = tx.one(_OPEN_SESSION, sid=sid, user=user_id, lifetime=lifetime)
    return None if row is None else Session(sid, msgspec.json.decode(row.who, type=User))


def alive(tx: Tx, sid: str, user_id: int) -> Session | None:
    row = tx.one(_ALIVE, sid=sid, user=user_id)
    return None if row is None else Session(sid, _user(row))


def end_session(tx: Tx, sid: str, user_id: int) -> bool:
    return tx.run(_END_ONE, sid=sid, user=user_id) == 1


def end_sessions(tx: Tx, user_id: int, *, but: str | None = None) -> None:
    """End all sessions of a user, but perhaps one."""
    tx.run(_END_ALL, user=user_id, but=but)


def rehash(tx: Tx, user_id: int, password_hash: str) -> bool:
    return tx.run(_REHASH, user=user_id, hash=password_hash) == 1


def set_password(tx: Tx, email: str, password_hash: str) -> int | None:
    row = tx.one(_SET_PASSWORD, email=email, hash=password_hash)
    return None if row is None else int(row.id)


def change_profile(tx: Tx, user_id: int, change: StoredProfile) -> None:
    given = {name: None if value is msgspec.UNSET else value for name, value in msgspec.structs.asdict(change).items()}
    tx.run(_PROFILE, user=user_id, name=given["name"], email=given["email"])


def set_role(tx: Tx, user_id: int, role: UserRole) -> bool:
    return tx.run(_ROLE, user=user_id, role=role.value) == 1


def has_admin(tx: Tx) -> bool:
    row = tx.one(_HAS_ADMIN)
    return row is not None and bool(row[0])


def me(connection: Connection, who: Caller) -> User:
    row = ask(connection, _ME, {"actor": who.actor, "sid": who.sid}).first()
    if row is None:
        raise Unauthenticated
    return _user(row)


def listed(connection: Connection, who: Caller, after: int, limit: int) -> list[User]:
    """Return users by id, for an admin."""
    values = {"actor": who.actor, "sid": who.sid, "after": after, "limit": limit}
    rows = ask(connection, _LIST, values).all()
    if not rows:
        raise Unauthenticated
    if rows[0].actor_role != UserRole.ADMIN:
        raise RoleNotAllowed
    return [_user(row) for row in rows if row.id is not None]


def _user(row: Row[tuple[object, ...]]) -> User:
    return User(row.id, row.name, row.email, UserRole(row.role))
