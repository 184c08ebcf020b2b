"""The first page, and the two that lead in; their forms go to auth, which sends back here what was wrong."""

from typing import NamedTuple

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bookmeup.errors import BY_CODE, EmailTaken, Invalid
from bookmeup.pages.rendering import show
from bookmeup.pages.site import site
from bookmeup.pages.visit import page
from bookmeup.web.reading import query

NEEDED = {
    "name": "Enter your name.",
    "email": "Enter an e-mail address such as ana@example.com.",
    "password": "Enter a password of at most 1024 characters.",
}


class Typed(Struct):
    """What auth sends back with: a code, the faulty fields, and what was typed but for the password."""

    problem: str = ""
    fields: str = ""
    email: str = ""
    name: str = ""
    next: str = "/"


class Faults(NamedTuple):
    """A sentence for the whole form, and one for each field that is at fault."""

    whole: str
    fields: dict[str, str]


async def home(request: Request) -> Response:
    return await show(request, "home.html", services=await site(request).services())


async def sign_in(request: Request) -> Response:
    typed = query(request, Typed)
    return await show(request, "sign_in.html", typed=typed, faults=faults_of(typed))


async def sign_up(request: Request) -> Response:
    typed = query(request, Typed)
    return await show(request, "sign_up.html", typed=typed, faults=faults_of(typed))


def faults_of(typed: Typed) -> Faults:
    """Return our own sentences: nothing of a link's text is shown as ours."""
    if not typed.problem:
        return Faults("", {})
    if typed.problem == Invalid.code:
        fields = {name: NEEDED[name] for name in typed.fields.split(",") if name in NEEDED}
        return Faults("Something is missing or not as it should be.", fields)
    kind = BY_CODE.get(typed.problem)
    if kind is EmailTaken:
        return Faults("You have an account already: sign in instead.", {"email": kind.sentence})
    return Faults(kind.sentence if kind else "This did not work. Try again.", {})


routes: list[BaseRoute] = [
    page("GET", "/", home, "What is offered"),
    page("GET", "/sign-in", sign_in, "The form to sign in"),
    page("GET", "/sign-up", sign_up, "The form to sign up"),
]
