"""All tables in one, in the order in which they are run."""

from tests.chaos import canaries, database, migrations, network, nodes, pods, rotations, scaling

TABLES = (pods, rotations, canaries, migrations, scaling, nodes, network, database)
SCENARIOS = tuple(scenario for table in TABLES for scenario in table.SCENARIOS)
