#!/bin/sh
# Starts the server of the image, and gives its role the password of the Secret, over this container's own
# trusted socket. The image itself sets a password only when it makes a new database, so that without this an
# edited Secret would lock everybody out. The pod is ready when the password is set.
set -eu

marker=/tmp/password-is-set

set_password() {
  # By TCP: while a new database is made, a passing server answers on the socket alone.
  until pg_isready -q -h 127.0.0.1; do sleep 0.5; done
  until psql -qXw -v ON_ERROR_STOP=1 -h /var/run/postgresql -d postgres <<'SQL'
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
\getenv role POSTGRES_USER
\getenv password POSTGRES_PASSWORD
ALTER ROLE :"role" PASSWORD :'password';
SQL
  do sleep 1; done
  touch "$marker"
  # The server becomes process 1 and takes any other status of a child for a crash of its own.
  exit 0
}

rm -f "$marker" # /tmp outlives the container
set_password &
# What six pods of db, a canary and workers need in the middle of a rollout, with reserve: tests/manifests/test_connections.py.
# One holds 2.7 MB of its own on average, 5 at the most: on average all of them and 128 MB of buffers fit into the limit.
exec docker-entrypoint.sh postgres -c max_connections=210
