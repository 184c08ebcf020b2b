-- One line for each table, its rows, and one for the schema's revision. The dump and the drill must say the same.
SELECT format('SELECT %L, count(*) FROM %s', oid::regclass, oid::regclass)
FROM pg_class
WHERE relkind = 'r' AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
ORDER BY oid::regclass::text COLLATE "C"
\gexec
SELECT 'revision', version_num FROM alembic_version;
