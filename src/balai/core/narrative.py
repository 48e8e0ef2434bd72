"""An entry of the ledger as a sentence in the reader's language."""

from django.utils.translation import get_language

from balai.core import verbs
from balai.core.models import Entry


def said(entry: Entry) -> str:
    """What happened, as the words that follow the actor.

    An entry may carry its own words in ``data["said"]`` (``id`` and ``en``), as moves of a scheme do;
    otherwise the verb's label speaks.
    """
    words = entry.facts.get("said")
    if isinstance(words, dict):
        language = "en" if (get_language() or "id").startswith("en") else "id"
        return str(words.get(language) or words.get("id") or "")
    return str(verbs.label_of(entry.verb))
