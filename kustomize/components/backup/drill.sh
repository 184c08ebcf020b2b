#!/bin/sh
# Restores the newest dump in a server of this pod's own, which is thrown away, and compares with what was counted when
# it was made. Ends with 1 if there is none, if it does not restore, or if anything differs.
set -eu

folder=/backups
scripts=/etc/bookmeup
dump=$(find "$folder" -name 'bookmeup-*.dump' | sort | tail -n 1)
[ -n "$dump" ] || { echo "drill: there is no dump" >&2; exit 1; }
parts=${dump%.dump}
started=$(date +%s)

export PGDATA=/restore/data PGHOST=/restore PGUSER=drill
initdb --username="$PGUSER" --auth=trust --no-sync --encoding=UTF8 --locale=C.UTF-8 >/dev/null
pg_ctl --silent --wait --log=/restore/server.log start \
  -o "-c listen_addresses= -c unix_socket_directories=/restore -c fsync=off -c max_parallel_maintenance_workers=0" \
  || { cat /restore/server.log >&2; exit 1; }

psql -qX -v ON_ERROR_STOP=1 -d postgres -f "$parts.roles.sql"
pg_restore --exit-on-error --create --dbname=postgres "$dump"
psql -qXAt -v ON_ERROR_STOP=1 -d "$DATABASE" -f "$scripts/counts.sql" -o /restore/counts
diff "$parts.counts" /restore/counts || { echo "drill: $dump is not what was dumped (< then, > restored)" >&2; exit 1; }

tables=$(grep -vc '^revision|' /restore/counts)
echo "drill: $dump restored in $(($(date +%s) - started)) s; $tables tables and revision" \
  "$(sed -n 's/^revision|//p' /restore/counts) are as they were dumped"
