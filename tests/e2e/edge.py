"""The way in: the Ingress where one answers, else a port-forward to each public service."""

import re
import subprocess
from contextlib import ExitStack
from http.client import HTTPConnection
from urllib.parse import urlsplit

from tests.e2e.client import Client
from tests.e2e.cluster import Environment, say


def answers(url: str) -> bool:
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname or "", address.port or 80, timeout=3)
    try:
        connection.request("GET", "/")
        connection.getresponse()
    except OSError:
        return False
    else:
        return True
    finally:
        connection.close()


def find_edge(url: str, environment: Environment, host: str | None, stack: ExitStack) -> Client:
    if answers(url):
        return Client({"auth": url, "logic": url}, host)
    say(f"{url} does not answer: port-forward into {environment.namespace} instead")
    services = {"auth": ("auth-service", 5001), "logic": ("logic-service", 5002)}
    return Client({role: forward(environment, *service, stack) for role, service in services.items()}, host)


def forward(environment: Environment, service: str, port: int, stack: ExitStack) -> str:
    command = ["kubectl", "-n", environment.namespace, "port-forward", f"service/{service}", f":{port}"]
    process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
    stack.callback(process.terminate)
    assert process.stdout is not None
    found = re.search(r"127\.0\.0\.1:(\d+)", process.stdout.readline())
    assert found is not None, "the port-forward did not start"
    return f"http://127.0.0.1:{found[1]}"
