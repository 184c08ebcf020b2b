"""What `scripts/e2e` hands over; it explains each."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    image: str
    next_image: str | None
    postgres_image: str | None
    adminer_image: str | None
    url: str
    node: str
    keep: bool
    rate: float


def settings() -> Settings:
    given = os.environ  # noqa: TID251 - the suite's own settings, not the product's
    return Settings(
        image=given["E2E_IMAGE"],
        next_image=given.get("E2E_NEXT_IMAGE") or None,
        postgres_image=given.get("E2E_POSTGRES_IMAGE"),
        adminer_image=given.get("E2E_ADMINER_IMAGE"),
        url=given.get("E2E_URL", "http://127.0.0.1").rstrip("/"),
        node=given.get("E2E_NODE", "127.0.0.1"),
        keep=given.get("E2E_KEEP", "") == "1",
        rate=float(given.get("E2E_RATE", "50")),
    )
