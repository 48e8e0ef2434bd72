"""Whether two spellings are of one person."""

import re
import unicodedata


def same_person(one: str, other: str) -> bool:
    """Whether the names are of one person: case, accents, order and titles aside.

    The words of one name must all be in the other, and where they differ the shorter has at least two.
    """
    first, second = _words(one), _words(other)
    shorter, longer = sorted((first, second), key=len)
    return bool(shorter) and shorter <= longer and (first == second or len(shorter) > 1)


def _words(name: str) -> frozenset[str]:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().casefold()
    return frozenset(re.findall(r"\w+", plain))
