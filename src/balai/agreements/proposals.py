"""A change of one article as a value: what it does to a text, and whether it still fits."""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

from balai.agreements.terms import AgreementTerms, Both, ClauseTerms, fill

EMPTY = Both("")
CHANGE, ADD, DELETE, MOVE = "change", "add", "delete", "move"
KINDS = (CHANGE, ADD, DELETE, MOVE)
_OWN = re.compile(r"own_([0-9]{1,4})")


@dataclass(frozen=True, slots=True)
class ClauseEdit:
    """``after`` counts for a new or moved article: the key it stands behind, empty for the first place."""

    kind: str
    key: str
    after: str = ""
    heading: Both = EMPTY
    text: tuple[Both, ...] = ()


def clause_of(terms: AgreementTerms, key: str) -> ClauseTerms | None:
    """The article with this key, if the text has it."""
    return next((clause for clause in terms.clauses if clause.key == key), None)


def before(terms: AgreementTerms, key: str) -> str:
    """The key of the article in front of this one; empty for the first."""
    keys = [clause.key for clause in terms.clauses]
    place = keys.index(key)
    return keys[place - 1] if place else ""


def reading(terms: AgreementTerms, key: str) -> tuple[Both, tuple[Both, ...]] | None:
    """Heading and paragraphs as a person reads them, blanks filled; None where there is no such article."""
    clause = clause_of(terms, key)
    return None if clause is None else (clause.heading, filled(terms, clause.text))


def filled(terms: AgreementTerms, text: tuple[Both, ...]) -> tuple[Both, ...]:
    """Paragraphs with the blanks of ``terms`` filled."""
    local, english = terms.values("id"), terms.values("en")
    return tuple(Both(fill(p.id, local), fill(p.en, english)) for p in text)


def conflict(edit: ClauseEdit, base: AgreementTerms, now: AgreementTerms) -> str:
    """Why an edit written on ``base`` no longer fits ``now``; empty where it does.

    ``gone``: its article was taken out; ``changed``: its article reads differently; ``place``: the
    article it was to stand behind was taken out; ``there``: it stands there already.
    """
    if edit.kind in (ADD, MOVE) and edit.after and clause_of(now, edit.after) is None:
        return "place"
    if edit.kind == ADD:
        return ""
    if clause_of(now, edit.key) is None:
        return "gone"
    if edit.kind == MOVE:
        return "there" if before(now, edit.key) == edit.after else ""
    return "changed" if reading(base, edit.key) != reading(now, edit.key) else ""


def applied(edit: ClauseEdit, base: AgreementTerms, now: AgreementTerms) -> AgreementTerms:
    """``now`` with the edit done; the caller has asked `conflict`.

    New articles proposed for one place stand there in the order in which they were proposed.
    """
    clauses = list(now.clauses)
    keys = [clause.key for clause in clauses]
    if edit.kind == CHANGE:
        place = keys.index(edit.key)
        clauses[place] = replace(clauses[place], heading=edit.heading, text=edit.text, checked=False)
    elif edit.kind == DELETE:
        del clauses[keys.index(edit.key)]
    elif edit.kind == MOVE:
        clause = clauses.pop(keys.index(edit.key))
        keys.remove(edit.key)
        clauses.insert(keys.index(edit.after) + 1 if edit.after else 0, clause)
    else:
        known = {clause.key for clause in base.clauses}
        place = keys.index(edit.after) + 1 if edit.after else 0
        while place < len(keys) and keys[place] not in known and _number(keys[place]) < _number(edit.key):
            place += 1
        key = free_key(keys) if edit.key in keys else edit.key
        clauses.insert(place, ClauseTerms(key, edit.heading, edit.text, source=_("proposed by a party")))
    return replace(now, clauses=tuple(clauses))


def free_key(taken: Collection[str]) -> str:
    """The next key for an article of the parties' own."""
    return f"own_{1 + max((_number(key) for key in taken if _OWN.fullmatch(key)), default=0)}"


def _number(key: str) -> int:
    match = _OWN.fullmatch(key)
    return int(match[1]) if match else 10_000
