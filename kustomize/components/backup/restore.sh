#!/bin/sh
# Puts the dump named by DUMP, or the newest, in place of what the database holds: all of it or, if anything fails,
# nothing. What was written after that dump is lost.
set -eu

folder=/backups
scripts=/etc/bookmeup
dump=${DUMP:+$folder/$DUMP}
[ -n "$dump" ] || dump=$(find "$folder" -name 'bookmeup-*.dump' | sort | tail -n 1)
[ -e "$dump" ] || { echo "restore: there is no dump ${DUMP:-}" >&2; exit 1; }
parts=${dump%.dump}

# All of it will be this user's, whatever the old one was called. By way of a file: a dump that is spoilt halfway must not have been restored halfway.
{
  echo 'DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public AUTHORIZATION pg_database_owner;'
  echo 'GRANT USAGE ON SCHEMA public TO PUBLIC;'
} >/restore/empty.sql
pg_restore --exit-on-error --no-owner --file=/restore/dump.sql "$dump"
. $scripts/login.sh
# A new server has none of them yet; elsewhere they "already exist", which is no fault.
psql -qX -d postgres -f "$parts.roles.sql" 2>&1 | grep -v 'already exists' || true
psql -qX -v ON_ERROR_STOP=1 --single-transaction -o /dev/null -f /restore/empty.sql -f /restore/dump.sql
echo "restore: $dump is in place; now: kubectl rollout restart deployment"
