# While the database password is being changed there are two, and the server takes one of them.
if [ -n "${PASSWORD_NEXT:-}" ] && ! psql -qXAt -c 'SELECT 1' >/dev/null 2>&1; then
  export PGPASSWORD="$PASSWORD_NEXT"
fi
