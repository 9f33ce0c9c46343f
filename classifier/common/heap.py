"""How the C library keeps memory that is no longer used."""

import ctypes
from contextlib import suppress

# of glibc's malloc.h
M_ARENA_MAX = -8
M_MMAP_THRESHOLD = -3
M_TRIM_THRESHOLD = -1

SMALL = 2**20  # bytes; what is larger is returned at once: best for few large arrays
LARGE = 2**25  # best for many chunks, each of which would have to be filled with zeros


def share() -> None:
    """Makes all threads allocate from one heap, where the C library is glibc.

    By default threads have heaps of their own, and each keeps what it does not use any more: of
    two million images 100 MB.
    """
    _set(M_ARENA_MAX, 1)


def return_above(size: int) -> None:
    """Makes arrays of more bytes go back to the system when they are deleted, with glibc.

    By default that size grows with the arrays, up to LARGE, and the heap keeps gaps. As then, free
    memory at the end of the heap is returned if it is more than twice the size.
    """
    _set(M_MMAP_THRESHOLD, size)
    _set(M_TRIM_THRESHOLD, 2 * size)


def trim() -> None:
    """Returns to the system what the heap keeps for later, with glibc."""
    with suppress(OSError, TypeError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _set(option: int, value: int) -> None:
    with suppress(OSError, TypeError, AttributeError):  # other systems have no such option
        ctypes.CDLL(None).mallopt(option, value)
