"""The login's password, brought to what the settings say while it is being changed."""

from psycopg2 import extensions  # type: ignore[import-untyped]
from sqlalchemy import URL, create_engine, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from bookmeup.db.door import REFUSED


def settle(url: str | URL, other_password: str) -> bool:
    """Give the login the URL's password if the server lets it in with the other one only; return whether it had to.

    The server is sent a verifier, so that neither its log nor its statistics can show the password.
    """
    wanted = make_url(url)
    try:
        create_engine(wanted, poolclass=NullPool).connect().close()
    except OperationalError as error:
        if not other_password or REFUSED not in str(error.orig):
            raise
    else:
        return False
    engine = create_engine(wanted.set(password=other_password), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        verifier = extensions.encrypt_password(
            wanted.password, wanted.username, connection.connection.dbapi_connection, "scram-sha-256"
        )
        connection.execute(text("ALTER ROLE CURRENT_USER PASSWORD :verifier"), {"verifier": verifier})
    return True
