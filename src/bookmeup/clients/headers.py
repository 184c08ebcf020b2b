"""What calls between the roles carry beside HTTP's own headers."""

DEADLINE_HEADER = "x-deadline-ms"
"""How many milliseconds the caller still waits: what is left travels, because clocks of machines differ."""
NEXT_HEADER = "x-next"
"""On a list: where the next page starts, as JSON."""
OWN_KEY = "own "
"""How the Idempotency-Key begins that logic makes for a request without one: no client's has a space."""
