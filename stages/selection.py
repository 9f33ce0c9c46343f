"""Which pictures a report shows, and what it counts."""

from collections import Counter
from collections.abc import Sequence

from stages.facts import Facts, Judged
from stages.inspection import FINDINGS
from stages.manifest import Row

SHOWN = 24  # pictures of a kind
BEHIND = 60  # pictures behind a cell of the confusion matrix
GALLERY = 50_000  # test pictures


def wanted(facts: Facts) -> list[str]:
    """Returns the paths of the pictures to show, the most important first."""
    shown = [one.path for one in mistakes(facts)[:SHOWN]]
    shown += [one.path for one in unsure(facts)[:SHOWN]]
    for kind in FINDINGS:
        for one in [one for one in facts.findings if one.finding == kind][:SHOWN]:
            shown += [one.path, one.other] if one.other else [one.path]
    shown += [row.path for name in facts.class_names for row in sampled(facts, name)]
    shown += [one.path for one in behind(facts)]
    shown += [row["path"] for row in facts.predictions[:GALLERY] if row["status"] == "ok"]
    return list(dict.fromkeys(shown))


def sampled(facts: Facts, name: str) -> Sequence[Row]:
    """Returns the pictures shown of a class: fewer where there are many classes."""
    each = max(1, min(6, 120 // max(1, len(facts.samples))))
    return facts.samples.get(name, ())[:each]


def mistakes(facts: Facts) -> list[Judged]:
    """Returns the pictures named wrongly, the surest first."""
    wrong = [one for one in facts.judged[facts.judged_on] if one.predicted != one.label]
    return sorted(wrong, key=lambda one: (-one.probability, one.path))


def unsure(facts: Facts) -> list[Judged]:
    """Returns the pictures by the probability of their class, the lowest first."""
    order = sorted(facts.judged[facts.judged_on], key=lambda one: (one.probability, one.path))
    return [one for one in order if one.probability < 0.9]


def behind(facts: Facts) -> list[Judged]:
    """Returns the pictures that open from the confusion matrix, the first of each cell."""
    cells: Counter[tuple[str, str]] = Counter()
    found = []
    for one in facts.judged[facts.judged_on]:
        cells[one.label, one.predicted] += 1
        if cells[one.label, one.predicted] <= BEHIND:
            found.append(one)
    return found
