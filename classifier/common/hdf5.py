"""HDF5 files may name other files, which h5py and Keras would then read too."""

from pathlib import Path

from classifier.common.errors import StageError, first_names


def require_self_contained(path: Path) -> None:
    """Raises a StageError if reading the file could read another one.

    External links, external datasets and virtual datasets do that. Soft links are refused as
    well: weights have none.

    Raises:
        OSError: it is no HDF5 file, or a damaged one.
    """
    import h5py

    links: list[tuple[bytes, int]] = []
    with h5py.File(path, "r") as file:
        file.id.links.visit(lambda name, info: links.append((name, info.type)), info=True)
        foreign = [
            name.decode(errors="backslashreplace")
            for name, kind in links
            if kind != h5py.h5l.TYPE_HARD or _is_outside(file[name])
        ]
    if foreign:
        raise StageError(
            f"{path.as_posix()}: must contain all of its data; got links to data elsewhere "
            f"({first_names(foreign)}): use weights from a source that you trust"
        )


def _is_outside(item: object) -> bool:
    """Tells whether an object is a dataset whose values are in other files."""
    import h5py

    return isinstance(item, h5py.Dataset) and bool(item.external or item.is_virtual)
