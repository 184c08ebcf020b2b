-- After prod's data have come to staging, in the same transaction: nobody can be recognised, nobody of prod can sign in,
-- and nothing is sent to anybody. tests/db/test_rehearse.py names each column of text that stays as it is.
UPDATE users SET name = 'Person ' || id,
  email = 'person' || id || '@staging.invalid',
  contact_email = 'person' || id || '@staging.invalid',
  phone = NULL;
UPDATE providers SET name = 'Provider ' || id;
UPDATE appointments SET cancel_reason = NULL, idempotency_key = NULL;
UPDATE time_off SET reason = '';
UPDATE audit_log SET details = '{}';
-- Prod's key does not open here, and a token of prod's must not be good for staging.
TRUNCATE passwords, sessions, signing_keys, idempotency_keys, rate_limits, outbox;
