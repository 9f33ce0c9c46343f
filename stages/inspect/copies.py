"""Images that are copies of others, and the findings about them."""

from pathlib import Path

from classifier.cache.results import ResultCache
from classifier.common.disk_array import ComputedRows, Rows
from classifier.common.scratch import Scratch
from classifier.dataset.finding_table import FindingTable
from classifier.similarity.pca import PCA
from stages.inspect import detail, near_duplicates
from stages.inspect.contents import Contents
from stages.inspect.copy_candidates import CopyCandidates
from stages.inspect.image_findings import duplicate_findings
from stages.inspect.near_duplicates import DuplicatePairs
from stages.inspect.selected_images import is_in, select_images


def find(
    images_csv: Path,
    contents: Contents,
    values: Rows,
    pca: PCA,
    cache: ResultCache,
    findings: FindingTable,
    scratch: Scratch,
) -> DuplicatePairs:
    """Returns the pairs of contents that are copies, and adds the findings about their images.

    Args:
        images_csv: results/images.csv.
        contents: U contents.
        values: float32 (U, K), features along principal components.
        pca: these components.
        cache: of compared images.
        findings: to which those about copies are added.
        scratch: for what does not fit into memory.
    """
    unique = contents.unique
    scaled = ComputedRows(
        values, lambda rows: near_duplicates.scale_components(rows, pca.scales, unique.n_train)
    )
    pairs = near_duplicates.find_pairs(scaled, contents.hashes, unique.hash_rank, scratch)
    selected = contents.repeated | is_in(len(values), pairs.one, pairs.other)
    candidates = CopyCandidates(select_images(images_csv, contents.of_rows, selected), scratch)
    pairs = detail.keep_copies(pairs, candidates.last_image, cache)
    findings.add(duplicate_findings(candidates, pairs))
    candidates.close()
    return pairs
