"""What people write: accepted or refused, cut into words of Bahasa Indonesia, stemmed, put into addresses."""

import re
import threading
import unicodedata

import Stemmer
from django.utils.text import slugify
from django.utils.translation import gettext as _

from balai.core.errors import Invalid

WORD = re.compile(r"[^\W_]+")
LONGEST_WORD = 60
_local = threading.local()


def _stemmer() -> Stemmer.Stemmer:
    """One for each thread: a stemmer keeps a cache and is not safe to share."""
    if not hasattr(_local, "stemmer"):
        _local.stemmer = Stemmer.Stemmer("indonesian")
    stemmer: Stemmer.Stemmer = _local.stemmer
    return stemmer


def published(text: str, field: str, most: int) -> str:
    """A text that all will read, without blanks around it.

    Raises Invalid on ``field`` where there is none, more than ``most`` characters, or a NUL.
    """
    text = text.strip()
    if not text:
        raise Invalid(_("Write the text first."), {field: [_("This is published, so it cannot be empty.")]})
    if len(text) > most or "\0" in text:
        raise Invalid(
            _("The text is too long."), {field: [_("At most %(most)d characters.") % {"most": most}]}
        )
    return text


def words(text: str) -> list[str]:
    """The words of a text in order: lower case, no accents, no punctuation."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    bare = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return [word[:LONGEST_WORD] for word in WORD.findall(bare)]


def stem(word: str) -> str:
    """The stem of one word as `words` gives it; a word in another language mostly stays as it is."""
    return str(_stemmer().stemWord(word)) or word


def stems(text: str) -> list[str]:
    """The stems of a text's words, in order."""
    return [stem(word) for word in words(text)]


def slug(text: str, limit: int = 60) -> str:
    """A part of an address: letters, digits and hyphens, cut between words; ``"-"`` if nothing is left."""
    whole = slugify(text)
    if len(whole) > limit:
        cut = whole[: limit + 1].rpartition("-")[0]
        whole = cut or whole[:limit]
    return whole.strip("-") or "-"
