"""Which images a report shows, and what it counts."""

from collections import Counter
from collections.abc import Sequence

from classifier.dataset.findings import FINDINGS
from classifier.dataset.manifest import ImageRow
from stages.report.run_results import RunResults, ScoredImage

SHOWN = 24  # images of a kind
BEHIND = 60  # images behind a cell of the confusion matrix
GALLERY = 50_000  # test images


def wanted(facts: RunResults) -> list[str]:
    """Returns the paths of the images to show, the most important first."""
    shown = [one.path for one in mistakes(facts)[:SHOWN]]
    shown += [one.path for one in unsure(facts)[:SHOWN]]
    for kind in FINDINGS:
        for one in [one for one in facts.findings if one.finding == kind][:SHOWN]:
            shown += [one.path, one.other] if one.other else [one.path]
    shown += [row.path for name in facts.class_names for row in sampled(facts, name)]
    shown += [one.path for one in confusion_examples(facts)]
    shown += [row["path"] for row in facts.predictions[:GALLERY] if row["status"] == "ok"]
    return list(dict.fromkeys(shown))


def sampled(facts: RunResults, name: str) -> Sequence[ImageRow]:
    """Returns the images shown of a class: fewer where there are many classes."""
    each = max(1, min(6, 120 // max(1, len(facts.samples))))
    return facts.samples.get(name, ())[:each]


def mistakes(facts: RunResults) -> list[ScoredImage]:
    """Returns the images named wrongly, the surest first."""
    wrong = [one for one in facts.judged[facts.judged_on] if one.predicted != one.label]
    return sorted(wrong, key=lambda one: (-one.probability, one.path))


def unsure(facts: RunResults) -> list[ScoredImage]:
    """Returns the images by the probability of their class, the lowest first."""
    order = sorted(facts.judged[facts.judged_on], key=lambda one: (one.probability, one.path))
    return [one for one in order if one.probability < 0.9]


def confusion_examples(facts: RunResults) -> list[ScoredImage]:
    """Returns the images that open from the confusion matrix, the first of each cell."""
    cells: Counter[tuple[str, str]] = Counter()
    found = []
    for one in facts.judged[facts.judged_on]:
        cells[one.label, one.predicted] += 1
        if cells[one.label, one.predicted] <= BEHIND:
            found.append(one)
    return found
