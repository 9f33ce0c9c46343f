"""How the C library keeps memory that is no longer used."""

import ctypes
from contextlib import suppress

# of glibc's malloc.h
M_ARENA_MAX = -8
M_MMAP_THRESHOLD = -3

SMALL = 1_000_000  # bytes; what is larger is returned at once: best for few large arrays
LARGE = 32_000_000  # best for many chunks, each of which would have to be filled with zeros


def share() -> None:
    """Makes all threads allocate from one heap, where the C library is glibc.

    By default threads have heaps of their own, and each keeps what it does not use any more: of
    two million images 100 MB.
    """
    _set(M_ARENA_MAX, 1)


def return_above(size: int) -> None:
    """Makes arrays of more bytes go back to the system when they are deleted, likewise.

    By default that size grows with the arrays, up to LARGE, and the heap keeps gaps.
    """
    _set(M_MMAP_THRESHOLD, size)


def trim() -> None:
    """Returns what the heap keeps for later, likewise."""
    with suppress(OSError, TypeError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _set(option: int, value: int) -> None:
    with suppress(OSError, TypeError, AttributeError):  # other systems have no such option
        ctypes.CDLL(None).mallopt(option, value)
