#!/bin/sh
# Writes one dump, its row counts and the server's roles to the claim. The dump gets its name last, when all of it is
# there, so that what is called bookmeup-*.dump is whole.
set -eu

folder=/backups
scripts=/etc/bookmeup
. $scripts/login.sh
name=bookmeup-$(date -u +%Y%m%dT%H%M%SZ)
rm -f "$folder"/new.* # of a run that was cut off

# The counts and the dump see the same moment: psql keeps the snapshot open while pg_dump works in it.
psql -qXAt -v ON_ERROR_STOP=1 <<SQL
SET idle_in_transaction_session_timeout = 0;
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT pg_export_snapshot() AS snapshot \gset
\setenv SNAPSHOT :snapshot
\o $folder/new.counts
\i $scripts/counts.sql
\o
\! . $scripts/login.sh; pg_dump --format=custom --snapshot="\$SNAPSHOT" --file="$folder/new.dump" || rm -f "$folder/new.dump"
COMMIT;
SQL
# Roles belong to the server, not to the database; the rights in the dump name them. No password is written.
. $scripts/login.sh
pg_dumpall --roles-only --no-role-passwords --file="$folder/new.roles.sql"

for part in counts roles.sql dump; do
  mv "$folder/new.$part" "$folder/$name.$part"
done
# Only after a success, so that a database that can't be dumped keeps its last dumps.
find "$folder" -name 'bookmeup-*' -mtime "+$KEEP_DAYS" -delete
echo "backup: $name.dump, $(wc -c <"$folder/$name.dump") bytes; $(find "$folder" -name 'bookmeup-*.dump' | wc -l) kept"
