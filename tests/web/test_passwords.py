"""Hashing: Argon2id with its parameters, bounded in number and in length, the same for who exists and who does not."""

import asyncio
import re
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from argon2 import PasswordHasher

from bookmeup.errors import Invalid, Overloaded
from bookmeup.web.passwords import LONGEST, Passwords

Work = Callable[[Passwords], Awaitable[None]]


@asynccontextmanager
async def opened(cores: int) -> AsyncIterator[Passwords]:
    passwords = Passwords(cores)
    try:
        yield passwords
    finally:
        passwords.close()


def run(work: Work, cores: int = 1) -> None:
    async def whole() -> None:
        async with opened(cores) as passwords:
            await work(passwords)

    asyncio.run(whole())


def test_a_hash_is_argon2id_with_19_mib_and_two_passes() -> None:
    async def work(passwords: Passwords) -> None:
        first, second = await passwords.hash("correct horse"), await passwords.hash("correct horse")
        assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        assert first != second
        assert await passwords.verify("correct horse", first)
        assert not await passwords.verify("correct horsE", first)

    run(work)


@pytest.mark.parametrize(
    "stored", ["", "x", "$argon2id$", "$2b$12$abc", "correct horse", "\x00", "$argon2id$v=19$m=1$a$b"]
)
def test_what_is_no_hash_fits_nothing(stored: str) -> None:
    async def work(passwords: Passwords) -> None:
        assert not await passwords.verify("correct horse", stored)
        assert not await passwords.verify(stored, stored)

    run(work)


def test_nobody_signs_in_as_a_user_who_does_not_exist() -> None:
    async def work(passwords: Passwords) -> None:
        await passwords.prepare()
        dummy = passwords._dummy_hash()  # noqa: SLF001 - the hash that nobody may know the password of
        assert not await passwords.verify(dummy, None)
        assert not await passwords.verify("", None)

    run(work)


def test_weaker_hashes_are_outdated_and_today_s_are_not() -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash("x")

    async def work(passwords: Passwords) -> None:
        assert passwords.outdated(weak)
        assert await passwords.verify("x", weak)
        assert not passwords.outdated(await passwords.hash("x"))

    run(work)


@pytest.mark.parametrize("password", ["x" * LONGEST, "ä" * (LONGEST // 2), "\x00nul\x00", "пароль", "🔑" * 256])
def test_passwords_up_to_1024_bytes_are_taken_whole(password: str) -> None:
    async def work(passwords: Passwords) -> None:
        stored = await passwords.hash(password)
        assert await passwords.verify(password, stored)
        assert not await passwords.verify(password[:-1], stored)

    run(work)


@pytest.mark.parametrize("password", ["x" * (LONGEST + 1), "ä" * 513, "🔑" * 257, "x" * 1_000_000])
def test_longer_ones_are_refused_before_any_hashing(password: str) -> None:
    async def work(passwords: Passwords) -> None:
        taken = []
        for _ in range(5):
            began = time.perf_counter()
            for refused in (passwords.hash(password), passwords.verify(password, None)):
                with pytest.raises(Invalid):
                    await refused
            taken.append(time.perf_counter() - began)
        assert min(taken) < 0.01

    run(work)


def test_beyond_four_a_core_in_line_it_refuses_at_once() -> None:
    async def work(passwords: Passwords) -> None:
        results = await asyncio.gather(*(passwords.hash("x") for _ in range(20)), return_exceptions=True)
        refused = [each for each in results if isinstance(each, Overloaded)]
        assert (len(results) - len(refused), len(refused)) == (5, 15)
        assert all(each.retry_after == 1 for each in refused)
        assert re.match(r"\$argon2id", await passwords.hash("x"))  # and there is room again

    run(work)


def test_the_event_loop_goes_on_meanwhile() -> None:
    async def work(passwords: Passwords) -> None:
        hashing = asyncio.gather(*(passwords.hash("x") for _ in range(5)))
        turns = 0
        while not hashing.done():
            await asyncio.sleep(0.001)
            turns += 1
        await hashing
        assert turns > 5

    run(work)


def test_an_unknown_user_takes_as_long_as_a_wrong_password() -> None:
    """The dummy has the parameters of a real hash. The bound is generous: other processes share the cores."""

    async def work(passwords: Passwords) -> None:
        await passwords.prepare()
        stored = await passwords.hash("correct horse")
        times: dict[str | None, list[float]] = {stored: [], None: []}
        for _ in range(40):
            for against, taken in times.items():
                before = time.perf_counter()
                await passwords.verify("wrong", against)
                taken.append(time.perf_counter() - before)
        known, unknown = (statistics.median(taken) for taken in times.values())
        assert abs(known - unknown) < 0.25 * max(known, unknown)
        assert min(known, unknown) > 0.005

    run(work)
