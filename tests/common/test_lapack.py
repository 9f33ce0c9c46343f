"""Oracle: SciPy's own wrappers, and the definition of a solution."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import linalg

from classifier.common import lapack


@pytest.fixture
def matrix() -> np.ndarray:
    rows = np.random.default_rng(0).standard_normal((300, 50), np.float32)
    return rows.T @ rows / 300 + np.eye(50, dtype=np.float32)


def test_the_factor_is_that_of_scipy(matrix: np.ndarray) -> None:
    expected = linalg.cholesky(matrix, lower=True)
    factor = lapack.cholesky(matrix)
    assert np.array_equal(np.tril(factor), expected)
    assert np.shares_memory(factor, matrix)


def test_cho_solve_solves_the_system(matrix: np.ndarray) -> None:
    values = np.random.default_rng(1).standard_normal((50, 3))
    solved = lapack.cho_solve(lapack.cholesky(matrix.copy()), values)
    assert np.allclose(matrix @ solved, values, atol=1e-5)


@pytest.mark.parametrize("transposed", [False, True])
def test_rows_between_other_values_are_replaced_by_solutions(
    matrix: np.ndarray, transposed: bool
) -> None:
    rows = np.random.default_rng(2).standard_normal((7, 51), np.float32)
    before, factor = rows.copy(), lapack.cholesky(matrix)
    lapack.solve_triangular(factor, rows[:, :-1], transposed)
    expected = linalg.solve_triangular(factor, before[:, :-1].T, trans=transposed, lower=True)
    assert np.allclose(rows[:, :-1], expected.T, atol=1e-6)
    assert np.array_equal(rows[:, -1], before[:, -1])


def test_a_matrix_of_one_row() -> None:
    factor, row = lapack.cholesky(np.full((1, 1), 4, np.float32)), np.ones((1, 1), np.float32)
    lapack.solve_triangular(factor, row)
    assert (factor, row) == (2, 0.5)


def test_a_matrix_that_is_not_positive_definite_is_an_error() -> None:
    with pytest.raises(np.linalg.LinAlgError, match="spotrf"):
        lapack.cholesky(-np.eye(3, dtype=np.float32))


def test_other_numbers_are_an_error_and_not_read_as_float32() -> None:
    with pytest.raises(ValueError, match="float64"):
        lapack.cholesky(np.eye(3))


def test_other_threads_go_on_while_a_matrix_is_factorized() -> None:
    matrix = 2 * np.eye(2000, dtype=np.float32)
    lapack.cholesky(matrix.copy())
    with ThreadPoolExecutor(1) as pool:
        future, turns = pool.submit(lapack.cholesky, matrix), 0
        while not future.done():
            time.sleep(0)
            turns += 1
    assert turns > 10
