"""A browser without JavaScript: it keeps cookies, follows links by their text, and sends forms as the page has them."""

from collections.abc import Mapping
from html.parser import HTMLParser
from typing import NamedTuple, Self
from urllib.parse import urljoin

import httpx2

HTML = {"accept": "text/html,application/xhtml+xml"}


class Form(NamedTuple):
    method: str
    action: str
    fields: dict[str, str]


class Page(HTMLParser):
    """What a page says, where it leads, and its forms by the text of their buttons."""

    def __init__(self, answered: httpx2.Response) -> None:
        super().__init__()
        self.answered = answered
        self.words: list[str] = []
        self.links: dict[str, str] = {}
        self.forms: dict[str, Form] = {}
        self._link: str | None = None
        self._form: Form | None = None
        self._since = 0
        self.feed(answered.text)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    @property
    def status(self) -> int:
        return self.answered.status_code

    @property
    def path(self) -> str:
        return self.answered.url.raw_path.decode()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = Form(given.get("method", "get"), given["action"], {})
        elif tag in ("input", "select") and self._form is not None:
            self._form.fields[given["name"]] = given.get("value", "")
        elif tag == "a":
            self._link, self._since = given["href"], len(self.words)
        elif tag == "button":
            self._since = len(self.words)

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_endtag(self, tag: str) -> None:
        said = " ".join(" ".join(self.words[self._since :]).split())
        if tag == "a" and self._link is not None:
            self.links[said] = self._link
        elif tag == "button" and self._form is not None:
            self.forms[said] = self._form


class Visitor:
    """Somebody before such a browser; `page` is what is shown."""

    page: Page

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.client = httpx2.Client(base_url=origin, follow_redirects=True, timeout=30, headers=HTML)

    def go(self, path: str) -> Self:
        self.page = Page(self.client.get(path))
        return self

    def follow(self, text: str) -> Self:
        return self.go(urljoin(self.page.path, self.page.links[text]))

    def send(self, button: str, *, page: Page | None = None, **typed: str) -> Self:
        """Fill in and send the form of this button, of this page or an earlier one."""
        form = (page or self.page).forms[button]
        return self.post(form.action, {**form.fields, **typed})

    def send_get(self, button: str, **typed: str) -> Self:
        """Send a form that only asks: its fields are the query, empty ones too."""
        form = self.page.forms[button]
        self.page = Page(self.client.get(form.action, params={**form.fields, **typed}))
        return self

    def post(self, path: str, fields: Mapping[str, str], **headers: str) -> Self:
        answered = self.client.post(path, data=dict(fields), headers={"origin": self.origin, **headers})
        self.page = Page(answered)
        return self

    def sign_in(self, email: str, password: str) -> Self:
        return self.go("/sign-in").send("Sign in", email=email, password=password)

    def close(self) -> None:
        self.client.close()
