"""Is every document what its data makes? Each version is typeset again and compared with the ledger."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from balai.agreements.models import AgreementVersion
from balai.agreements.terms import UnprintableError
from balai.agreements.typesetting import typeset, typesetter
from balai.core import documents
from balai.core.models import Document, Entry


class Outcome(StrEnum):
    SAME = "same"
    TERMS = "terms"  # the stored terms are not those whose fingerprint the ledger has
    DIFFERENT = "different"  # the same typesetter makes other bytes of these terms
    FILE = "file"  # the stored file, or the row that names it, is another
    SEALED = "sealed"  # the sealed file does not begin with a version, or is not the one in the ledger
    UNRECORDED = "unrecorded"  # the ledger knows nothing of this version
    ELSEWHERE = "elsewhere"  # made by another typesetter, and this one makes other bytes


FAULTS = frozenset(Outcome) - {Outcome.SAME, Outcome.ELSEWHERE}


@dataclass(frozen=True, slots=True)
class Recomputed:
    """One version. ``recorded`` is the ledger's SHA-256 of its document, ``made`` that of the bytes made now,
    ``kept`` whether the stored file is there. ``typesetter`` is the one the ledger names.
    """

    agreement: UUID
    reference: str
    version: int
    outcome: Outcome
    recorded: str
    made: str
    kept: bool
    typesetter: str


def recomputed() -> Iterator[Recomputed]:
    """Every version in the database, oldest agreement first, made again from its terms. Reads only."""
    facts = _recorded()
    versions = AgreementVersion.objects.select_related("document", "agreement__sealed_document")
    for version in versions.order_by("agreement__created_at", "agreement", "number").iterator(chunk_size=50):
        yield _one(version, facts)


def _one(version: AgreementVersion, facts: dict[tuple[str, str], list[dict[str, Any]]]) -> Recomputed:
    subject = version.agreement.subject
    said = facts.get((subject, f"v{version.number}"), [])
    sealed = facts.get((subject, "sealed"), [])
    recorded, by = (said[0]["sha256"], said[0].get("typesetter", "")) if said else ("", "")
    file = _content(version.document)
    made = ""
    try:
        terms = version.reading
        made = hashlib.sha256(typeset(terms)).hexdigest()
        fingerprint = terms.fingerprint
    except (UnprintableError, ValueError, KeyError, TypeError):
        fingerprint = ""

    def outcome() -> Outcome:
        if not said or len({fact["sha256"] for fact in said}) != 1:
            return Outcome.UNRECORDED
        if {fact["fingerprint"] for fact in said} | {version.fingerprint} != {fingerprint}:
            return Outcome.TERMS
        if made != recorded:
            return Outcome.DIFFERENT if by == typesetter() else Outcome.ELSEWHERE
        if version.document.sha256 != recorded or (file and hashlib.sha256(file).hexdigest() != recorded):
            return Outcome.FILE
        if sealed and not _sealed_holds(version, file, sealed):
            return Outcome.SEALED
        return Outcome.SAME

    return Recomputed(
        version.agreement_id,
        str(version.terms.get("reference", "")),
        version.number,
        outcome(),
        recorded,
        made,
        bool(file),
        by,
    )


def _sealed_holds(version: AgreementVersion, file: bytes, sealed: list[dict[str, Any]]) -> bool:
    """Whether the sealed file is the ledger's, and begins with the version it was made of."""
    document, fact = version.agreement.sealed_document, sealed[-1]
    if document is None or document.sha256 != fact["sha256"]:
        return False
    if fact["version"] != version.number:
        return True
    content = _content(document)
    return not content or (hashlib.sha256(content).hexdigest() == fact["sha256"] and content.startswith(file))


def _recorded() -> dict[tuple[str, str], list[dict[str, Any]]]:
    """What the ledger says of every text: by subject and ``v<number>``; of every seal, by ``sealed``."""
    facts: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    entries = Entry.objects.filter(subject__startswith="agreement:", data__contains='"fingerprint"')
    for entry in entries.iterator(chunk_size=500):
        fact = entry.facts
        if entry.verb == "agreement.sealed":
            facts[entry.subject, "sealed"].append(fact)
        elif {"version", "sha256", "fingerprint"} <= fact.keys():
            facts[entry.subject, f"v{fact['version']}"].append(fact)
    return facts


def _content(document: Document) -> bytes:
    """The stored bytes; none where the files were not restored."""
    try:
        with documents.open_document(document) as file:
            return bytes(file.read())
    except FileNotFoundError:
        return b""
