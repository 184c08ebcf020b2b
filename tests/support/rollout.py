"""Two replicas of every role, each role behind a wire that is to it what a Service is in Kubernetes."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import URL
from tests.support.api import AUTH_PATHS, Front
from tests.support.processes import Process, Site
from tests.support.wire import Wire


class Deployment:
    """The replicas of a role, oldest first. Nobody calls a worker's, which has its Service for its health alone."""

    def __init__(self, first: Process, service: Wire) -> None:
        self.replicas = [first, first.another()]
        self._service = service

    def serve(self) -> None:
        """Give the replicas, once they are ready, the new connections."""
        self._service.servers = tuple(replica.wait().port for replica in self.replicas)

    def restart_oldest(self) -> None:
        """Replace one: the new one is ready, and the old one gets no new connections, before it is told to stop."""
        old, new = self.replicas[0], self.replicas[0].another()
        self.replicas.append(new)
        new.start().wait()
        self._service.servers = tuple(replica.port for replica in self.replicas[1:])
        assert old.terminate() == 0, old.tail()
        self.replicas.remove(old)


class Entrance(Front):
    """The public API through the Services of auth and logic."""

    def __init__(self, auth: Wire, logic: Wire) -> None:
        super().__init__()
        self._auth, self._logic = auth, logic

    def url(self, path: str) -> str:
        return (self._auth if path.startswith(AUTH_PATHS) else self._logic).url + path


@contextlib.contextmanager
def rolled_out(database: URL, folder: Path) -> Iterator[tuple[Entrance, list[Deployment]]]:
    """Run all roles, the worker too, on this database."""
    site = Site(database, folder, OUTBOX="off")
    with contextlib.ExitStack() as opened:
        to_db, to_auth, to_logic, to_worker = (opened.enter_context(Wire()) for _ in range(4))
        for process in (site.auth, site.logic):
            process.settings["DB_SERVICE_URL"] = to_db.url
        site.logic.settings["AUTH_SERVICE_URL"] = to_auth.url
        worker = Process("worker", folder, site.db.settings)
        deployments = [
            Deployment(site.db, to_db),
            Deployment(site.auth, to_auth),
            Deployment(site.logic, to_logic),
            Deployment(worker, to_worker),
        ]
        opened.callback(_end, deployments)
        for deployment in deployments:
            for replica in deployment.replicas:
                replica.start()
            deployment.serve()
        yield Entrance(to_auth, to_logic), deployments


def _end(deployments: list[Deployment]) -> None:
    processes = [replica for deployment in deployments for replica in deployment.replicas]
    for process in processes:
        process.ask_to_end()
    for process in processes:
        process.end()
