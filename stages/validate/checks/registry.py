"""The checks that every usable image goes through. To add one, import it and list it here."""

from classifier.images.decode import DecodedImage
from stages.validate.checks.extreme_shape import EXTREME_SHAPE
from stages.validate.checks.tiny import TINY

CHECKS = (TINY, EXTREME_SHAPE)
CODES = tuple(check.code for check in CHECKS)


def failed_checks(image: DecodedImage) -> dict[str, str]:
    """Returns code and detail of each check that finds something."""
    details = {check.code: check.find(image) for check in CHECKS}
    return {code: detail for code, detail in details.items() if detail}


def versions() -> str:
    """Returns what identifies the checks; results cached under another value are not used."""
    return ", ".join(f"{check.code} {check.version}" for check in CHECKS)
