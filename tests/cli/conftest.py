"""A cluster of the tests' own: one API server, reached as a pod reaches it."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from tests.cli.fake_cluster import TOKEN, FakeCluster, make_certificate

from bookmeup.cli.cluster import ApiServer, in_cluster


@pytest.fixture
def mount(tmp_path: Path) -> Path:
    """What Kubernetes mounts into a pod: token, namespace, the authority's certificate."""
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "namespace").write_text("bookmeup\n")
    return tmp_path


@pytest.fixture
def cluster(mount: Path) -> Iterator[FakeCluster]:
    server = FakeCluster()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(make_certificate(mount))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def api(cluster: FakeCluster, mount: Path) -> ApiServer:
    return in_cluster("localhost", cluster.server_port, mount)
