"""The memory from which the threads of `train` allocate."""

import ctypes
from contextlib import suppress

M_ARENA_MAX = -8  # of glibc's malloc.h


def share() -> None:
    """Makes all threads allocate from one heap, where the C library is glibc.

    By default threads have heaps of their own, and each keeps what it does not use any more: of
    two million images 100 MB.
    """
    with suppress(OSError, TypeError, AttributeError):  # other systems have no such option
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)
