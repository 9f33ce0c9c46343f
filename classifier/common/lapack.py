"""Cholesky factorizations and triangular systems that several threads compute side by side.

SciPy's own wrappers keep the interpreter's lock while LAPACK computes; calls by ctypes do not. The
functions are those that SciPy publishes for other languages (scipy.linalg.cython_lapack). All
matrices are float32, column by column as in Fortran.
"""

import ctypes
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

NUMBER = ctypes.POINTER(ctypes.c_int)
KINDS = {"char": ctypes.c_char_p, "int": NUMBER, "array": ctypes.c_void_p}
ARGUMENTS = {
    "spotrf": ("char", "int", "array", "int", "int"),
    "spotrs": ("char", "int", "int", "array", "int", "array", "int", "int"),
    "strtrs": ("char",) * 3 + ("int", "int", "array", "int", "array", "int", "int"),
}


def cholesky(matrix: np.ndarray) -> np.ndarray:
    """Returns the lower factor of a symmetric matrix (L, L), in its memory.

    The values above the diagonal mean nothing.

    Raises:
        numpy.linalg.LinAlgError: the matrix is not positive definite.
    """
    factor = matrix.T if matrix.flags.c_contiguous else matrix
    _call("spotrf", b"L", len(factor), factor, _stride(factor))
    return factor


def cho_solve(factor: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Returns the solution x of `factor @ factor.T @ x = values`, (L, n).

    Args:
        factor: from `cholesky`, (L, L).
        values: (L, n).
    """
    solved = np.array(values, np.float32, order="F")
    sizes = len(factor), solved.shape[1]
    _call("spotrs", b"L", *sizes, factor, _stride(factor), solved, _stride(solved))
    return solved


def solve_triangular(factor: np.ndarray, rows: np.ndarray, transposed: bool = False) -> None:
    """Replaces each row by the solution x of `factor @ x = row`.

    Args:
        factor: from `cholesky`, (L, L).
        rows: (n, L), the values of a row side by side.
        transposed: solves `factor.T @ x = row` instead.
    """
    how = b"L", b"T" if transposed else b"N", b"N"
    sizes = len(factor), len(rows)
    _call("strtrs", *how, *sizes, factor, _stride(factor), rows.T, _stride(rows.T))


def _stride(matrix: np.ndarray) -> int:
    """Returns how many values lie between the columns of a matrix."""
    if matrix.dtype != np.float32 or matrix.strides[0] != matrix.itemsize:
        raise ValueError(f"must be float32, column by column; got {matrix.dtype}, {matrix.strides}")
    return max(matrix.strides[1] // matrix.itemsize, len(matrix), 1)


def _call(name: str, *arguments: bytes | int | np.ndarray) -> None:
    info = ctypes.c_int()
    _function(name)(*map(_pointer, arguments), ctypes.byref(info))
    if info.value:
        raise np.linalg.LinAlgError(f"{name} failed; info {info.value}")


def _pointer(argument: bytes | int | np.ndarray) -> object:
    if isinstance(argument, int):
        return ctypes.byref(ctypes.c_int(argument))
    return argument.ctypes.data if isinstance(argument, np.ndarray) else argument


@functools.cache
def _function(name: str) -> Callable[..., None]:
    """Returns a function of LAPACK."""
    from scipy.linalg import cython_lapack

    capsule, python = cython_lapack.__pyx_capi__[name], ctypes.pythonapi
    python.PyCapsule_GetName.restype = ctypes.c_char_p
    python.PyCapsule_GetName.argtypes = [ctypes.py_object]
    python.PyCapsule_GetPointer.restype = ctypes.c_void_p
    python.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    signature = python.PyCapsule_GetName(capsule)
    kinds = ARGUMENTS[name]
    if signature.count(b"char *") != kinds.count("char") or (
        signature.count(b" int *") != kinds.count("int")
    ):
        raise RuntimeError(f"scipy.linalg.cython_lapack.{name} has changed; got {signature!r}")
    types: list[Any] = [KINDS[kind] for kind in kinds]
    return ctypes.CFUNCTYPE(None, *types)(python.PyCapsule_GetPointer(capsule, signature))
