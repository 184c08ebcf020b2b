"""What the machine can do at all: the least that a hop, two hops, a password and an insert cost."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from time import perf_counter

import aiohttp
import anyio.to_thread
from argon2 import PasswordHasher
from sqlalchemy import create_engine, select, text
from sqlalchemy.pool import NullPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from benchmarks.load import Result
from benchmarks.machine import told
from bookmeup.db import tables

CONNECTIONS = 10
_TAKEN = """
CREATE TEMPORARY TABLE taken (resource_id bigint NOT NULL, during tstzrange NOT NULL,
  EXCLUDE USING gist (int8range(resource_id, resource_id, '[]') WITH &&, during WITH &&))
"""
_TAKE = "INSERT INTO taken VALUES (%s, tstzrange(to_timestamp(%s), to_timestamp(%s)))"
HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
"""The product's parameters; src/bookmeup/web/passwords.py has them."""


def one_hop() -> Starlette:
    """Answer a constant."""

    async def constant(_request: Request) -> JSONResponse:
        return JSONResponse({"message": "hello"})

    return Starlette(routes=[Route("/", constant)])


def front() -> Starlette:
    """Pass on what the back answers: the first of two hops."""
    session: aiohttp.ClientSession
    back_url = told("BACK_URL")

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        nonlocal session
        async with aiohttp.ClientSession() as session:
            yield

    async def pass_on(_request: Request) -> Response:
        async with session.get(back_url) as answer:
            return Response(await answer.read(), answer.status, media_type="application/json")

    return Starlette(routes=[Route("/", pass_on)], lifespan=lifespan)


def back() -> Starlette:
    """Select 20 services with SQLAlchemy Core in the thread pool: the second hop."""
    engine = create_engine(told("DATABASE_URL"), pool_size=CONNECTIONS, max_overflow=0)
    services = tables.services.c
    wanted = select(services.id, services.name, services.price_minor, services.currency, services.duration).limit(20)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = CONNECTIONS
        yield

    def listed(_request: Request) -> JSONResponse:
        with engine.connect() as connection:
            return JSONResponse([dict(row) for row in connection.execute(wanted).mappings()])

    return Starlette(routes=[Route("/", listed)], lifespan=lifespan)


def verifies(cores: int, seconds: float) -> Result:
    """Verify passwords in as many threads as cores."""
    stored = HASHER.hash("a password")
    began = perf_counter()

    def work(_: int) -> list[float]:
        took: list[float] = []
        while (now := perf_counter()) < began + seconds:
            HASHER.verify(stored, "a password")
            took.append(perf_counter() - now)
        return took

    with ThreadPoolExecutor(cores) as pool:
        latencies = [each for took in pool.map(work, range(cores)) for each in took]
    return Result(perf_counter() - began, latencies)


def inserts(url: str, seconds: float) -> Result:
    """Insert under an exclusion constraint like ours: one connection, a row a statement, all in one transaction."""
    engine = create_engine(url, poolclass=NullPool)
    latencies: list[float] = []
    with engine.connect() as connection:
        connection.execute(text(_TAKEN))
        cursor = connection.connection.cursor()
        began = perf_counter()
        while (now := perf_counter()) < began + seconds:
            start = 1_800_000_000 + len(latencies) // 4 * 1800
            cursor.execute(_TAKE, (len(latencies) % 4, start, start + 1800))
            latencies.append(perf_counter() - now)
        return Result(perf_counter() - began, latencies)
