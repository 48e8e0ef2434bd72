"""Which short texts say the same? Shared words, shared spelling and nearness in one score.

Words are stemmed as Bahasa Indonesia, so "banjir" and "kebanjiran" meet; trigrams of letters
forgive a typing error; distance tells two holes in two streets apart.
"""

import math
import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import Stemmer

from balai.methods.sphere import distance_m

WORD_SHARE = 0.65
"""Part of the words in the score of two texts; the letters have the rest."""
PLACE_SHARE = 0.3
"""How much of the score two texts lose that are far apart."""
REACH_METRES = 500.0
"""Distance at which nearness has fallen to 1/e."""

_word = re.compile(r"[^\W_]+")
_local = threading.local()


def _stems(words: list[str]) -> list[str]:
    if not hasattr(_local, "stemmer"):
        _local.stemmer = Stemmer.Stemmer("indonesian")
    return list(_local.stemmer.stemWords(words))


@dataclass(frozen=True)
class Text:
    """A text and, if known, where it speaks of (degrees)."""

    key: str
    text: str
    latitude: float | None = None
    longitude: float | None = None

    @cached_property
    def _words(self) -> list[str]:
        return _word.findall(unicodedata.normalize("NFKC", self.text).casefold())

    @cached_property
    def stems(self) -> Counter[str]:
        """How often each stem occurs."""
        return Counter(_stems(self._words))

    @cached_property
    def trigrams(self) -> frozenset[str]:
        """Runs of three letters of the words, each word padded by a space."""
        padded = f" {' '.join(self._words)} "
        return frozenset(padded[i : i + 3] for i in range(len(padded) - 2)) if self._words else frozenset()


@dataclass(frozen=True, slots=True)
class Match:
    """A candidate like the query. All but ``metres`` (None where a place is missing) lie in [0, 1]."""

    key: str
    score: float
    words: float
    letters: float
    metres: float | None


def metres_between(a: Text, b: Text) -> float | None:
    """Distance on the sphere (haversine); None unless both have a place."""
    if a.latitude is None or a.longitude is None or b.latitude is None or b.longitude is None:
        return None
    return distance_m(a.latitude, a.longitude, b.latitude, b.longitude)


def weights_of(texts: Iterable[Text]) -> dict[str, float]:
    """How telling each stem is among ``texts``: the smoothed inverse of how many of them use it."""
    use: Counter[str] = Counter()
    count = 0
    for text in texts:
        count += 1
        use.update(text.stems.keys())
    return {stem: 1.0 + math.log((1 + count) / (1 + found)) for stem, found in use.items()}


def cosine(a: Counter[str], b: Counter[str], weights: dict[str, float]) -> float:
    """Cosine of two weighted bags of stems, in [0, 1]; stems without a weight count 1. 0 if one is empty."""
    if not a or not b:
        return 0.0
    if a == b:
        return 1.0
    left = {stem: (1 + math.log(n)) * weights.get(stem, 1.0) for stem, n in a.items()}
    right = {stem: (1 + math.log(n)) * weights.get(stem, 1.0) for stem, n in b.items()}
    dot = math.fsum(left[stem] * right[stem] for stem in left.keys() & right.keys())
    size = math.sqrt(math.fsum(v * v for v in left.values()) * math.fsum(v * v for v in right.values()))
    return min(1.0, dot / size)


def overlap(a: frozenset[str], b: frozenset[str]) -> float:
    """Dice's coefficient of two sets, in [0, 1]; 0 if both are empty."""
    return 2 * len(a & b) / (len(a) + len(b)) if a or b else 0.0


def compare(a: Text, b: Text, weights: dict[str, float]) -> Match:
    """How like ``b`` is to ``a``; the same the other way round. The match bears the key of ``b``."""
    words = cosine(a.stems, b.stems, weights)
    letters = overlap(a.trigrams, b.trigrams)
    metres = metres_between(a, b)
    score = WORD_SHARE * words + (1 - WORD_SHARE) * letters
    if metres is not None:
        score *= 1 - PLACE_SHARE + PLACE_SHARE * math.exp(-metres / REACH_METRES)
    return Match(b.key, round(min(1.0, score), 9), words, letters, metres)


def similar(query: Text, candidates: Sequence[Text], *, threshold: float = 0.4) -> list[Match]:
    """Candidates that score at least ``threshold``, the likest first, then by key.

    Words common among the candidates tell little; so the same two texts may score differently
    in another company.
    """
    weights = weights_of([query, *candidates])
    matches = [compare(query, candidate, weights) for candidate in candidates]
    return sorted(
        (match for match in matches if match.score >= threshold), key=lambda match: (-match.score, match.key)
    )
