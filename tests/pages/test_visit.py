"""How a page knows its visitor: in one process, with a db and an auth of the test's own making."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import httpx2
import msgspec
import pytest
from joserfc.jwk import ECKey
from starlette.testclient import TestClient
from tests.web.forging import SID, claims, es256, header

from bookmeup.clients.transport import Reply, Unreachable
from bookmeup.errors import NotFound, Refusal, Unauthenticated
from bookmeup.logic.app import create_app
from bookmeup.pages.csrf import Csrf
from bookmeup.schemas.appointments import Appointment, ProviderName, ServiceName
from bookmeup.schemas.business import Location
from bookmeup.schemas.services import Service
from bookmeup.web.problems import document

KEY = ECKey.generate_key("P-256", {"kid": "k1"})
SERVICE_KEYS = ["logic-" + "l" * 40]
PLACE = Location(1, "Salon", "Europe/Bucharest", "RON", address="", locale="en")
FIXED: Mapping[str, object] = {"/location": PLACE, "/services": [], "/providers": [], "/appointments/mine": []}


class Auth:
    async def request(self, *_: object) -> Reply:
        return Reply(200, {}, msgspec.json.encode({"keys": [KEY.as_dict(private=False)]}))

    async def close(self) -> None:
        pass


class Db:
    """Answers what it is told to, by path; counts what would have changed something."""

    def __init__(self) -> None:
        self.answers: dict[str, object] = dict(FIXED)
        self.changes: list[tuple[str, str]] = []

    async def request(self, method: str, path: str, *_: object) -> Reply:
        if method != "GET":
            self.changes.append((method, path))
        answer = self.answers.get(path, NotFound())
        if isinstance(answer, Refusal):
            return Reply(answer.status, {}, msgspec.json.encode(document(answer)))
        if isinstance(answer, Exception):
            raise answer
        return Reply(200, {}, msgspec.json.encode(answer))

    async def close(self) -> None:
        pass


@pytest.fixture
def db() -> Db:
    return Db()


@pytest.fixture
def client(db: Db) -> Iterator[TestClient]:
    app = create_app(db, Auth(), SERVICE_KEYS)
    with TestClient(
        app, follow_redirects=False, raise_server_exceptions=False, headers={"accept": "text/html"}
    ) as opened:
        yield opened


def token(left: float = 900.0) -> str:
    now = int(time.time())
    begun = now + int(left) - 900
    return es256(KEY, header("k1"), claims(iat=begun, nbf=begun, exp=begun + 900, name="Ana Pop"))


def cookies(client: TestClient, left: float = 900.0, *, session: bool = True, **more: str) -> None:
    client.cookies.set("bookmeup", token(left))
    if session:
        client.cookies.set("bookmeup-session", "for auth alone")
    for name, value in more.items():
        client.cookies.set(name.replace("_", "-"), value)


def location(answered: httpx2.Response) -> tuple[int, str | None]:
    return answered.status_code, answered.headers.get("location")


SIGN_IN, RENEW = (303, "/sign-in?next=%2Fmy"), (303, "/auth/renew?next=%2Fmy")


def test_nobody_is_sent_to_sign_in(client: TestClient) -> None:
    assert location(client.get("/my")) == SIGN_IN


def test_a_token_that_holds_is_let_in(client: TestClient) -> None:
    cookies(client)
    answered = client.get("/my")
    assert answered.status_code == 200
    assert "Ana Pop" in answered.text


@pytest.mark.parametrize(("left", "renewed"), [(-1, True), (0, True), (590, True), (610, False)])
def test_a_private_page_needs_time_left_for_its_form(client: TestClient, left: float, renewed: bool) -> None:  # noqa: FBT001 - a case
    cookies(client, left)
    answered = client.get("/my")
    assert location(answered) == (RENEW if renewed else (200, None))


@pytest.mark.parametrize(("left", "renewed"), [(-1, True), (20, False)])
def test_a_public_page_renews_only_what_has_run_out(client: TestClient, left: float, renewed: bool) -> None:  # noqa: FBT001 - a case
    cookies(client, left)
    assert (client.get("/").status_code == 303) == renewed


def test_without_a_session_what_has_run_out_is_nobody(client: TestClient) -> None:
    cookies(client, -1, session=False)
    assert client.get("/").status_code == 200
    assert location(client.get("/my")) == SIGN_IN


@pytest.mark.parametrize("bad", ["", "x", "a.b.c", "x" * 9000, "é", "eyJhbGciOiJub25lIn0.e30."])
def test_a_cookie_that_is_no_token_is_nobody(client: TestClient, bad: str) -> None:
    headers = {b"cookie": f"bookmeup={bad}".encode()}
    assert client.get("/", headers=headers).status_code == 200
    assert location(client.get("/my", headers=headers)) == SIGN_IN


@pytest.mark.parametrize("left", [-1, 300])
def test_a_renewal_that_brought_nothing_is_not_tried_again(client: TestClient, left: float) -> None:
    cookies(client, left)
    assert location(client.get("/my")) == RENEW
    assert "bookmeup-renewing" in client.cookies
    assert location(client.get("/my")) == (SIGN_IN if left < 0 else (200, None))


def test_a_session_that_db_has_ended_is_renewed_once_and_then_signs_in(client: TestClient, db: Db) -> None:
    cookies(client)
    db.answers["/appointments/mine"] = Unauthenticated()
    assert location(client.get("/my")) == RENEW
    assert location(client.get("/my")) == SIGN_IN


def test_a_form_whose_session_ran_out_does_nothing_and_comes_back_with_a_word(client: TestClient, db: Db) -> None:
    db.answers["/appointments/mine"] = [appointment(7)]
    cookies(client, -1)
    answered = client.post("/my/7/cancel", data={"csrf": Csrf(SERVICE_KEYS).token(SID)})
    assert location(answered) == (303, "/auth/renew?next=%2Fmy%2F7%2Fcancel")
    cookies(client)
    assert "nothing was cancelled yet" in client.get("/my/7/cancel").text
    assert db.changes == []


def test_a_form_may_be_sent_until_the_token_ends(client: TestClient, db: Db) -> None:
    cookies(client, 20)
    answered = client.post("/my/7/cancel", data={"csrf": Csrf(SERVICE_KEYS).token(SID)})
    assert location(answered) == (303, "/my?note=gone")
    assert len(db.changes) == 1


@pytest.mark.parametrize(
    ("csrf", "headers"),
    [
        (None, {}),
        ("", {}),
        ("x", {}),
        ("é", {}),
        (Csrf(SERVICE_KEYS).token("another session"), {}),
        (Csrf(["another key, which is long enough"]).token(SID), {}),
        (Csrf(SERVICE_KEYS).token(SID), {"origin": "https://evil.example"}),
        (Csrf(SERVICE_KEYS).token(SID), {"origin": "null"}),
        (Csrf(SERVICE_KEYS).token(SID), {"sec-fetch-site": "cross-site"}),
        (Csrf(SERVICE_KEYS).token(SID), {"sec-fetch-site": "same-site"}),
    ],
)
def test_a_form_that_is_not_ours_does_nothing(
    client: TestClient, db: Db, csrf: str | None, headers: dict[str, str]
) -> None:
    cookies(client)
    for path in ("/my/7/cancel", "/book/1/confirm?date=2027-03-01&time=09:00"):
        fields = {"key": "k"} | ({} if csrf is None else {"csrf": csrf})
        answered = client.post(path, data=fields, headers=headers)
        assert answered.status_code == 403, answered.text
        assert "text/html" in answered.headers["content-type"]
    assert db.changes == []


def test_a_retired_key_s_forms_hold_while_it_is_listed() -> None:
    old, new = "old-" + "o" * 40, "new-" + "n" * 40
    assert Csrf([new, old]).holds(SID, Csrf([old]).token(SID))
    assert not Csrf([new]).holds(SID, Csrf([old]).token(SID))
    assert Csrf([new, old]).token(SID) == Csrf([new]).token(SID)


@pytest.mark.parametrize("accept", ["text/html,*/*;q=0.8", "*/*"])
def test_db_away_is_a_page_that_says_to_try_again(client: TestClient, db: Db, accept: str) -> None:
    db.answers = dict.fromkeys(db.answers, Unreachable(sent=False))
    answered = client.get("/", headers={"accept": accept})
    assert (answered.status_code, answered.headers["retry-after"]) == (503, "1")
    assert "Back in a moment" in answered.text
    assert 'href="/">Try again' in answered.text


def test_what_every_page_shows_outlives_db_for_a_while(client: TestClient, db: Db) -> None:
    assert "Salon" in client.get("/sign-in").text
    db.answers = dict.fromkeys(db.answers, Unreachable(sent=False))
    assert "Salon" in client.get("/sign-in").text


def test_a_booking_whose_outcome_is_unknown_is_asked_again_with_the_same_key(client: TestClient, db: Db) -> None:
    db.answers["/services"] = [service(1)]
    db.answers["/appointments"] = Unreachable(sent=True)
    cookies(client)
    path = "/book/1/confirm?date=2027-03-01&time=09:00"
    answered = client.post(path, data={"csrf": Csrf(SERVICE_KEYS).token(SID), "key": "the-key"})
    assert answered.status_code == 503
    assert 'name="key" value="the-key"' in answered.text
    assert "you will not be booked twice" in answered.text
    assert db.changes == [("POST", "/appointments")] * 2, "and once more by itself"


def test_a_fault_of_ours_is_a_page_without_its_reason(client: TestClient, db: Db) -> None:
    db.answers["/services"] = ["not a service"]
    answered = client.get("/")
    assert answered.status_code == 500
    assert "It is our fault" in answered.text
    assert "service" not in answered.text.lower()


def test_programs_get_problem_documents(client: TestClient, db: Db) -> None:
    db.answers["/services"] = ["not a service"]
    for path, status in (("/", 500), ("/book/1", 500), ("/nowhere", 404)):
        answered = client.get(path, headers={"accept": "application/json"})
        assert (answered.status_code, answered.headers["content-type"]) == (status, "application/problem+json")
    assert client.get("/nowhere", headers={"accept": "*/*"}).headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/profile", "/appointments/me", "/available-timeslots"])
def test_the_api_answers_a_browser_with_problem_documents_too(client: TestClient, path: str) -> None:
    assert client.get(path).headers["content-type"] == "application/problem+json"


def test_with_an_https_base_url_only_the_host_s_own_cookies_count(db: Db) -> None:
    app = create_app(db, Auth(), SERVICE_KEYS, base_url="https://salon.example")
    with contextlib.closing(TestClient(app, base_url="https://testserver", follow_redirects=False)) as client:
        assert client.get("/my", headers={"cookie": f"bookmeup={token()}"}).status_code == 303
        assert client.get("/my", headers={"cookie": f"__Host-bookmeup={token()}"}).status_code == 200


def service(number: int) -> Service:
    return Service(
        number, "Cut", price="80 RON", price_minor=8000, currency="RON", duration=30, description="", category="",
        slot_interval=10, buffer_before=0, buffer_after=0, minimum_notice=0, booking_horizon=10,
        cancellation_window=None, segments=None, capacity=1, needs_approval=False, is_hidden=False, marks_late=False,
        resource_type=None,
    )  # fmt: skip


def appointment(number: int) -> Appointment:
    starts = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)
    return Appointment(
        number, ServiceName(1, "Cut"), "2027-03-01", "09:00", ProviderName(1, "Some"), "confirmed", duration=30,
        price="80 RON", price_minor=8000, currency="RON", starts_at=starts, ends_at=starts + timedelta(minutes=30),
        version=1, location_id=1, addons=[], series_id=None, visit_id=None, expires_at=None,
    )  # fmt: skip
