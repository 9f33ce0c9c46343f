"""What a git commit holds."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from classifier.common.errors import StageError

FATAL = 128  # git's exit code of an error; others tell that there is no such commit


class RefusalError(StageError):
    """There is a repository, but git does not read it; `words` are git's own, in one line."""

    def __init__(self, message: str, words: str) -> None:
        super().__init__(message)
        self.words = words


@dataclass(frozen=True)
class Commit:
    """A commit, and some of its files.

    Attributes:
        hash: all of its 40 or 64 digits.
        date: when it was committed, 2026-01-31.
        subject: the first line of its message.
        files: content by path, relative to the project folder; those that it holds.
    """

    hash: str
    date: str
    subject: str
    files: Mapping[Path, bytes]

    @property
    def name(self) -> str:
        """Returns the start of its hash."""
        return self.hash[:7]


def read(revision: str, paths: Sequence[Path]) -> Commit:
    """Returns a commit; `paths` are relative to the working directory, which may be any folder.

    Raises:
        StageError: there is no git, no repository or no such commit.
        RefusalError: git refuses to read the repository.
    """
    resolve = ("rev-parse", "--verify", "--quiet", "--end-of-options", revision)
    named = _git(revision, *resolve).decode(errors="replace").strip()  # may be a tag
    names = [f"{named}^{{commit}}", *(f"{named}:./{path.as_posix()}" for path in paths)]
    answers = _git(revision, "cat-file", "--batch", given="".join(f"{name}\n" for name in names))
    found, files, at = "", dict[Path, bytes](), 0
    for path in (None, *paths):
        line, _, _ = answers[at:].partition(b"\n")
        at += len(line) + 1
        hash_, *rest = line.decode(errors="replace").split(" ")
        if len(rest) != 2 or not rest[1].isdecimal():  # `<name> missing`
            continue
        start, at = at, at + int(rest[1]) + 1
        if path is None:
            found = hash_
        else:
            files[path] = answers[start : at - 1]
    if not found:
        raise _error(revision)
    options = ("--no-show-signature", "--encoding=UTF-8", "--format=%cs%n%s")
    told = _git(revision, "log", "-1", *options, found).decode(errors="replace")
    date, _, subject = told.partition("\n")
    return Commit(found, date, subject.strip(), files)


def _git(revision: str, *arguments: str, given: str = "") -> bytes:
    """Returns what git prints.

    Raises:
        StageError: there is no git, or it fails.
    """
    command = ["git", *arguments]
    try:
        done = subprocess.run(command, input=os.fsencode(given), capture_output=True, check=False)
    except OSError as error:
        raise StageError(f"git: must be installed to read a commit; got {error.strerror}") from None
    if done.returncode:
        told = done.stderr.decode(errors="replace") if done.returncode == FATAL else ""
        raise _error(revision, told)
    return done.stdout


def _error(revision: str, told: str = "") -> StageError:
    """Returns the error for what is no commit, with what git has told: its remedy comes last."""
    rule = f"{revision}: must be a commit of the git repository of this folder"
    first, *others = [line.strip() for line in told.splitlines() if line.strip()] or [""]
    if not first:
        return StageError(f"{rule}; commit a run first (`git add -A && git commit`)")
    words = f"{first}. {' '.join(others)}" if others else first
    message = f"{rule}; git says: {words}"
    return RefusalError(message, words) if _in_repository() else StageError(message)


def _in_repository() -> bool:
    """Returns whether there is a repository here; git's words differ by language."""
    here = Path.cwd()
    places = [folder / ".git" for folder in (here, *here.parents)]  # a file in a worktree
    return any(os.path.isfile(p) or os.path.lexists(p / "HEAD") for p in places)  # noqa: PTH113 never fail
