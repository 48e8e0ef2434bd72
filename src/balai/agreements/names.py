"""Whether two spellings are of one person."""

import re
import unicodedata

TITLES = frozenset(
    {"bapak", "dr", "dra", "drs", "hj", "hum", "ibu", "ir", "kes", "kh", "kom", "mba", "mh", "mkom", "mm"}
    | {"mpd", "msi", "mt", "pd", "phd", "prof", "se", "sh", "si", "skom", "sos", "spd", "st"}
)


def same_person(one: str, other: str) -> bool:
    """Whether the names are of one person: case, accents, order and titles aside.

    The words of one name must all be in the other, and where they differ the shorter has at least two,
    initials and titles not counted.
    """
    first, second = _words(one), _words(other)
    shorter, longer = sorted((first, second), key=len)
    telling = {word for word in shorter if len(word) > 1} - TITLES
    return bool(shorter) and shorter <= longer and (first == second or len(telling) > 1)


def _words(name: str) -> frozenset[str]:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().casefold()
    return frozenset(re.findall(r"\w+", plain))
