"""How many connections to PostgreSQL a rendering may come to (kubernetes.md, section 5)."""

from tests.manifests.rendering import Rendering

from bookmeup.db.engine import BACKGROUND, CAP

CAPS = {"db-service": CAP, "db-service-canary": CAP, "worker": BACKGROUND}
"""What a process of each Deployment may hold."""
MIGRATIONS, BACKUP, ADMINER, RESERVED = 4, 2, 2, 3
OTHERS = MIGRATIONS + BACKUP + ADMINER + RESERVED


def needed(rendering: Rendering) -> int:
    """Return the most: each Deployment in a rollout, with one pod in surge and the old ones terminating."""
    counts = {d["metadata"]["name"]: rendering.replicas(d["metadata"]["name"]) for d in rendering.all("Deployment")}
    return sum((count + 1 + count) * CAPS.get(name, 0) for name, count in counts.items()) + OTHERS
