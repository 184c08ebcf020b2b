"""The pages' own files: as their makers wrote them, under URLs that change with them, and nothing else."""

import gzip
import hashlib
from pathlib import Path

import pytest
from tests.support.salon import Salon

import bookmeup.pages
from bookmeup.pages import assets

FOLDER = Path(bookmeup.pages.__path__[0]) / "static"
OURS = {"bookmeup.css", "docs.css", "docs.js", "icon.svg", "VENDOR.txt"}


def vendored() -> dict[str, str]:
    rows = [line.split(" | ") for line in (FOLDER / "VENDOR.txt").read_text().splitlines() if line.count(" | ") == 4]
    return {row[0]: row[4] for row in rows[1:]}


def test_what_others_wrote_is_unchanged_and_named() -> None:
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in FOLDER.iterdir()}
    assert {name: sum_ for name, sum_ in found.items() if name not in OURS} == vendored()


def test_a_file_is_kept_for_good_under_the_url_of_its_content(shop: Salon) -> None:
    answered = shop.anyone.get(assets.url("bookmeup.css"), headers={"accept-encoding": "identity"})
    assert answered.content == (FOLDER / "bookmeup.css").read_bytes()
    assert answered.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answered.headers["content-type"] == "text/css; charset=utf-8"
    assert answered.headers["x-content-type-options"] == "nosniff"


def test_under_another_url_it_is_kept_for_a_minute(shop: Salon) -> None:
    assert shop.anyone.get("/static/bookmeup.css?v=old").headers["cache-control"] == "public, max-age=60"


def test_who_takes_gzip_gets_gzip(shop: Salon) -> None:
    url = assets.url("swagger-ui-bundle.js")
    zipped = shop.anyone.get(url, headers={"accept-encoding": "gzip"})
    assert zipped.headers["content-encoding"] == "gzip"
    assert zipped.headers["vary"] == "Accept-Encoding"
    assert zipped.content == (FOLDER / "swagger-ui-bundle.js").read_bytes()
    assert int(zipped.headers["content-length"]) < 550_000
    assert len(gzip.compress(zipped.content)) < 550_000


@pytest.mark.parametrize(
    "path",
    ["../assets.py", "..%2fassets.py", "%2e%2e/assets.py", "..%5cassets.py", "/etc/passwd", "%2fetc%2fpasswd", "",
     "bookmeup.css%00", "bookmeup.css/", "./bookmeup.css", "VENDOR", "%252e%252e%252fassets.py", "~", "CON"],
)  # fmt: skip
def test_no_path_leads_elsewhere(shop: Salon, path: str) -> None:
    from http.client import HTTPConnection
    from urllib.parse import urlsplit

    connection = HTTPConnection(urlsplit(shop.anyone.front.url("/")).netloc, timeout=10)
    connection.request("GET", f"/static/{path}")  # as it is: other clients tidy the path
    answered = connection.getresponse()
    assert (answered.status, b"import" in answered.read()) == (404, False)
    connection.close()
