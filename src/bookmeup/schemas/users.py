"""Users: who they are, how they register, sign in and change."""

import msgspec
from msgspec import UNSET, Struct, UnsetType

from bookmeup.domain.users import UserRole
from bookmeup.schemas.text import Email, Id, Name, Password, Phone


class User(Struct):
    """A user as old clients know him."""

    id: int
    name: str
    email: str | None
    role: UserRole


class Registration(Struct):
    """A `role` other than customer is refused, never obeyed."""

    name: Name
    email: Email
    password: Password
    role: str | None = None


class Login(Struct):
    email: Email
    password: Password


class SignedIn(Struct):
    """The access token lives `expires_in` seconds."""

    access_token: str
    user: User
    token_type: str = "Bearer"  # noqa: S105 - the name of a scheme
    expires_in: int = 900


class ProfileChange(Struct):
    """Any of the three. A new password ends the other sessions of the user."""

    name: Name | UnsetType = UNSET
    email: Email | UnsetType = UNSET
    password: Password | UnsetType = UNSET


class RoleChange(Struct, forbid_unknown_fields=True):
    role: UserRole


class Customer(Struct):
    """Somebody without an account, for whom staff book."""

    name: Name
    phone: Phone | None = None
    email: Email | None = None

    def __post_init__(self) -> None:
        if self.phone is None and self.email is None:
            raise msgspec.ValidationError("needs a phone or an email")


# Between the roles


class NewUser(Struct):
    """A registration with its password hashed."""

    name: Name
    email: Email
    password_hash: str
    role: UserRole = UserRole.CUSTOMER


class RegistrationAttempt(Struct):
    """`address` is the client's IP prefix, for the rate limit."""

    address: str


class LoginAttempt(Struct):
    """`address` is the client's IP prefix, for the rate limit."""

    email: str
    address: str


class Credentials(Struct):
    """What a login is checked against; nothing of an unknown user is there."""

    user: User | None
    password_hash: str | None


class NewSession(Struct):
    """`password_hash` is set where the hash was made with old parameters."""

    user_id: Id
    lifetime: int
    password_hash: str | None = None


class Session(Struct):
    """A session that is alive, with its user as the row says now."""

    id: str
    user: User


class StoredProfile(Struct):
    """A profile change with its password hashed."""

    name: Name | UnsetType = UNSET
    email: Email | UnsetType = UNSET
    password_hash: str | UnsetType = UNSET


class NewPassword(Struct):
    email: Email
    password_hash: str


class SigningKey(Struct):
    """A public JWK in clear, its private part sealed; `age` and `replaced_for` are seconds by the database's clock."""

    kid: str
    public_jwk: dict[str, str]
    sealed: str
    age: float = 0.0
    replaced_for: float | None = None


class NewSigningKey(Struct):
    kid: str
    public_jwk: dict[str, str]
    sealed: str
    known: list[str] = []
    """The newest keys that the maker saw: another one made meanwhile wins."""
