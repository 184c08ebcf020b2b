# Read in before each login that may come late. While the database password is being changed there are two, and the
# server takes the one until a moment and then the other, which may come between two logins of one script.
if [ -n "${PASSWORD_NEXT:-}" ] && ! psql -qXAt -c 'SELECT 1' >/dev/null 2>&1; then
  other=$PGPASSWORD
  export PGPASSWORD="$PASSWORD_NEXT" PASSWORD_NEXT="$other"
fi
