-- After prod's data have come to staging, in the same transaction: nobody has a name, nobody of prod can sign in, and
-- nothing is sent to anybody. tests/db/test_rehearse.py names each column of text that stays as it is.
SET LOCAL search_path = public; -- the dump has emptied it
DO $$
DECLARE others text;
BEGIN
  IF current_setting('rehearse.whole', true) IS DISTINCT FROM 'yes' THEN
    RAISE EXCEPTION 'the dump was cut off';
  END IF;
  SELECT string_agg(oid::regclass::text, ', ') INTO others
  FROM pg_class
  WHERE relkind IN ('r', 'p', 'm', 'f')
    AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'pg_toast'::regnamespace)
    AND (relnamespace <> 'public'::regnamespace OR relname NOT IN (
      'alembic_version', 'schema_compat', 'locations', 'users', 'passwords', 'sessions', 'signing_keys', 'services',
      'addons', 'resources', 'providers', 'provider_services', 'weekly_hours', 'availability', 'replaced_days',
      'time_off', 'closures', 'series', 'visits', 'waitlist', 'offers', 'occurrences', 'appointments', 'occupied',
      'idempotency_keys', 'audit_log', 'outbox', 'rate_limits'));
  IF others IS NOT NULL THEN
    RAISE EXCEPTION 'nobody has said what of these may be copied: %', others;
  END IF;
END $$;

UPDATE users SET name = 'Person ' || id,
  email = 'person' || id || '@staging.invalid',
  contact_email = 'person' || id || '@staging.invalid',
  phone = NULL;
UPDATE providers SET name = 'Provider ' || id;
UPDATE appointments SET cancel_reason = NULL, idempotency_key = NULL;
UPDATE time_off SET reason = '';
UPDATE closures SET reason = '';
UPDATE audit_log SET details = '{}', request_id = NULL;
-- Prod's key does not open here, and a token of prod's must not be good for staging.
TRUNCATE passwords, sessions, signing_keys, idempotency_keys, rate_limits, outbox;
