"""All tables in one, in the order in which they are run: a second node comes last, since it stays."""

from tests.chaos import canaries, database, migrations, network, nodes, pods, rotations, scaling

TABLES = (pods, rotations, canaries, migrations, network, database, scaling, nodes)
SCENARIOS = tuple(scenario for table in TABLES for scenario in table.SCENARIOS)
