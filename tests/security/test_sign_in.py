"""T20, T21, T23: signing in tells nobody who exists, and cannot exhaust a process."""

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest
from tests.security.test_edge import rss
from tests.support.api import Shot, volley
from tests.support.processes import Process, Site
from tests.support.salon import PASSWORD, Salon

TRIES, STORM = 40, 500
VOLATILE = {"date", "x-request-id"}


def tried(salon: Salon, email: str) -> tuple[float, httpx2.Response]:
    began = time.perf_counter()
    answered = salon.anyone.post("/auth/login", {"email": email, "password": "wrong"})
    return time.perf_counter() - began, answered


def told(answered: httpx2.Response) -> tuple[object, ...]:
    """Return all that a client can see of an answer, but its id and the time."""
    body = {name: value for name, value in answered.json().items() if name != "request_id"}
    headers = [(name, value) for name, value in answered.headers.items() if name not in VOLATILE]
    return answered.status_code, body, headers


def test_an_unknown_user_looks_like_a_wrong_password(salon: Salon) -> None:
    """Interleaved, so that what else the machine does meets both. The bound is generous for the same reason."""
    known = salon.make_customer().email
    times: dict[bool, list[float]] = {True: [], False: []}
    seen = []
    for number in range(TRIES):
        for exists, taken in times.items():
            unknown = f"{number:02d}" + known[2:]
            seconds, answered = tried(salon, known if exists else unknown)
            taken.append(seconds)
            seen.append(told(answered))
    assert all(each == seen[0] for each in seen)
    assert seen[0][0] == 401
    fast, slow = sorted(statistics.median(taken) for taken in times.values())
    assert slow - fast < max(0.010, 0.35 * slow)
    assert fast > 0.005, "nothing was verified"


def test_no_other_address_tells_who_exists(salon: Salon) -> None:
    """A customer without a password, made by staff, signs in as little as nobody does."""
    guest = {"name": "Guest", "email": "guest-without-password@x.example"}
    salon.book(salon.admin, salon.make_service(), salon.open_day(), customer=guest)
    assert told(tried(salon, str(guest["email"]))[1]) == told(tried(salon, "nobody-at-all@x.example")[1])


@contextmanager
def probed(process: Process) -> Iterator[list[float]]:
    """Ask for /livez all the while; the list gets the seconds, a failure as infinity."""
    taken: list[float] = []
    over = threading.Event()

    def ask() -> None:
        with httpx2.Client(timeout=10) as client:
            while not over.wait(0.05):
                began = time.perf_counter()
                try:
                    alive = client.get(process.url + "/livez").status_code == 200
                except httpx2.HTTPError:
                    alive = False
                taken.append(time.perf_counter() - began if alive else float("inf"))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield taken
    finally:
        over.set()
        thread.join()


def test_a_storm_of_logins_is_answered_refused_and_survived(salon: Salon, roles: Site) -> None:
    customer = salon.make_customer()
    before = rss(roles.auth)
    body = {"email": customer.email, "password": "wrong"}
    with probed(roles.auth) as probes:
        answers = volley([Shot(salon.anyone, "POST", "/auth/login", body)] * STORM)
    statuses = {status: sum(each.status == status for each in answers) for status in {each.status for each in answers}}
    assert statuses.keys() <= {401, 503}, statuses
    assert statuses[503] > statuses[401] > 0
    assert all(int(each.headers["retry-after"]) >= 1 for each in answers if each.status == 503)
    assert rss(roles.auth) - before < 400
    assert probes
    assert max(probes) < 2.0  # 100 ms where the machine is one's own
    assert salon.anyone.post("/auth/login", {"email": customer.email, "password": PASSWORD}).status_code == 200


@pytest.mark.parametrize("path", ["/auth/login", "/auth/register"])
@pytest.mark.parametrize(("size", "statuses"), [(1_000_000, {413}), (999_000, {422}), (1025, {422})])
def test_a_giant_password_is_refused_before_it_is_hashed(
    path: str, size: int, statuses: set[int], salon: Salon, roles: Site
) -> None:
    body = {"name": "A", "email": "a@x.example", "password": "x" * size}
    taken = []
    for _ in range(5):
        began = time.perf_counter()
        assert salon.anyone.post(path, body).status_code in statuses
        taken.append(time.perf_counter() - began)
    assert min(taken) < 0.1


def test_a_password_of_too_many_bytes_is_refused_too(salon: Salon) -> None:
    for path in ("/auth/login", "/auth/register"):
        answered = salon.anyone.post(path, {"name": "A", "email": "a@x.example", "password": "\u00e4" * 600})
        assert (answered.status_code, answered.json()["errors"][0]["pointer"]) == (422, "/password")
