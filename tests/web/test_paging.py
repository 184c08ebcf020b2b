"""T26: a cursor is ours, of this list, and its content is checked as data even so."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer, URLSafeTimedSerializer

from bookmeup.auth.routes.accounts import LISTED, After
from bookmeup.errors import BadCursor
from bookmeup.schemas.appointments import AppointmentPage
from bookmeup.web.paging import Cursors

KEY = "a-key-of-more-than-thirty-two-bytes-0123"
LIST = "/appointments"
CURSORS = Cursors([KEY])
POSITION = '{"after_at":"2027-01-01T09:00:00Z","after_id":7}'


def test_a_cursor_says_where_the_next_page_starts() -> None:
    page = CURSORS.read(LIST, CURSORS.make(LIST, POSITION), AppointmentPage)
    assert page.after_id == 7
    assert CURSORS.read(LISTED, CURSORS.make(LISTED, '{"after":3}'), After).after == 3


def test_a_cursor_outlives_a_new_key() -> None:
    old = CURSORS.make(LIST, POSITION)
    rotated = Cursors(["another-key-of-more-than-32-bytes-45678", KEY])
    assert rotated.read(LIST, old, AppointmentPage).after_id == 7
    with pytest.raises(BadCursor):
        CURSORS.read(LIST, rotated.make(LIST, POSITION), AppointmentPage)


GOOD = CURSORS.make(LIST, POSITION)


@pytest.mark.parametrize(
    "cursor",
    ["", ".", "..", "x", GOOD[:-1], GOOD[1:], GOOD + "x", GOOD.swapcase(), GOOD.replace(".", ""), GOOD + "." + GOOD,
     GOOD.rsplit(".", 1)[0], GOOD.rsplit(".", 1)[0] + ".", "é", "\x00", "1 OR 1=1", "a" * 512, POSITION, "eyJhIjoxfQ",
     URLSafeSerializer("another" * 8, salt=LIST).dumps(POSITION), URLSafeSerializer(KEY, salt="x").dumps(POSITION),
     URLSafeSerializer(KEY).dumps(POSITION), URLSafeTimedSerializer(KEY, salt=LIST).dumps(POSITION)],
    ids=range(22),
)  # fmt: skip
def test_a_forged_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursor):
        CURSORS.read(LIST, cursor, AppointmentPage)


@pytest.mark.parametrize("other", ["/appointments/mine", "users", "", "/Appointments"])
def test_a_cursor_of_another_list_is_refused(other: str) -> None:
    with pytest.raises(BadCursor):
        CURSORS.read(LIST, CURSORS.make(other, POSITION), AppointmentPage)


HOSTILE = [
    "", "null", "[]", "1", '"x"', "{", "'", "1; DROP TABLE users", '{"after_id":"1 OR 1=1"}', '{"after_id":1.5}',
    '{"after_id":-1}', '{"after_id":99999999999999999999}', '{"after_at":"now()"}', '{"after_at":"2027-01-01"}',
    '{"after_at":"2027-01-01T09:00:00"}', '{"after_at":1}', '{"after_at":"0000-00-00T00:00:00Z"}',
    '{"after_id":null,"after_at":[]}',
    '{"after_at":"2027-01-01T09:00:00Z"}', '{"after_id":7}', "[" * 5000, '{"after_id":' + "9" * 5000 + "}",
]  # fmt: skip


@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_content_under_a_valid_mac_is_refused(content: str) -> None:
    with pytest.raises(BadCursor):
        CURSORS.read(LIST, CURSORS.make(LIST, content), AppointmentPage)


@pytest.mark.parametrize("content", [*HOSTILE[:9], '{"after":-1}', '{"after":"1"}', '{"after":99999999999999999999}'])
def test_hostile_content_of_the_list_of_users_is_refused(content: str) -> None:
    if content.startswith('{"after_'):
        content = content.replace("after_id", "after")
    with pytest.raises(BadCursor):
        CURSORS.read(LISTED, CURSORS.make(LISTED, content), After)


@pytest.mark.parametrize("content", [None, 1, [], {}, True])
def test_content_that_is_no_text_is_refused(content: object) -> None:
    with pytest.raises(BadCursor):
        CURSORS.read(LIST, str(URLSafeSerializer(KEY, salt=LIST).dumps(content)), AppointmentPage)


@settings(deadline=None)
@given(st.text(max_size=300))
def test_no_text_is_more_than_refused(cursor: str) -> None:
    with pytest.raises(BadCursor):
        CURSORS.read(LIST, cursor, AppointmentPage)


@settings(deadline=None)
@given(st.integers(1, 2**63 - 1), st.datetimes(timezones=st.timezones()))
def test_every_position_of_ours_is_read_again(identity: int, at: object) -> None:
    position = AppointmentPage(after_at=at, after_id=identity)  # type: ignore[arg-type]
    try:
        encoded = msgspec.json.encode(position).decode()
    except (ValueError, OverflowError):  # an offset of seconds that RFC 3339 cannot write
        return
    read = CURSORS.read(LIST, CURSORS.make(LIST, encoded), AppointmentPage)
    assert (read.after_id, read.after_at is not None) == (identity, True)
