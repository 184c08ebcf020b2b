"""Giving memory back to the system: glibc keeps what a thread has freed, 19 MiB for each that hashes passwords.

It must keep it while passwords are hashed, because asking the system for it each time made a hash take 60 % longer.
https://man7.org/linux/man-pages/man3/mallopt.3.html
"""

import contextlib
import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT, FROM_THE_SYSTEM = 64 << 20, 32 << 20
ENOUGH_TO_LOOK = 1 << 20
_NOT_GLIBC = (OSError, AttributeError, TypeError)


def keep() -> None:
    """Have freed memory kept by the thread that freed it."""
    with contextlib.suppress(*_NOT_GLIBC):
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, FROM_THE_SYSTEM)
        libc.mallopt(M_TRIM_THRESHOLD, KEPT)


def give_back() -> None:
    """Return what the calling thread has freed. glibc looks for it when something large is freed."""
    with contextlib.suppress(*_NOT_GLIBC):
        libc = ctypes.CDLL(None)
        libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
        libc.free.argtypes = [ctypes.c_void_p]
        libc.mallopt(M_TRIM_THRESHOLD, 0)
        libc.free(libc.malloc(ENOUGH_TO_LOOK))
        libc.mallopt(M_TRIM_THRESHOLD, KEPT)
