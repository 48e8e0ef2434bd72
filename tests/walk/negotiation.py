"""What a town's parties say to each other, and each to itself, on the agreement they negotiate."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

from balai.agreements.comments import comment
from balai.agreements.docx import as_docx
from balai.agreements.drafts import bring_draft
from balai.agreements.models import Agreement
from balai.agreements.negotiation import propose_change
from balai.agreements.proposals import ClauseEdit
from balai.agreements.queries import current_version
from balai.agreements.terms import Both
from balai.people.models import User
from tests.agreements.docx_editing import Editor

CITY = ("officer", "bureau", "reviewer", "reviewer2", "signatory")
"""The city's side: who negotiates, and the cooperation team."""


def negotiated(
    agreement: Agreement, people: dict[str, User], mark: Callable[..., str], inside: tuple[str, ...]
) -> dict[str, Any]:
    """A proposal, comments of each audience and a draft, every text of them marked; by name."""
    version = current_version(Agreement.objects.get(pk=agreement.pk))
    assert version is not None
    terms = version.reading
    founder = people["founder"]
    proposal = propose_change(
        agreement=agreement,
        edit=ClauseEdit(
            "change", terms.clauses[2].key, heading=Both("Lingkup"), text=(Both(mark("usul-pasal", *inside)),)
        ),
        reason=mark("alasan-usul", *inside),
        by=founder,
    )
    said = comment(
        agreement=agreement, by=people["officer"], text=mark("komentar-semua", *inside), audience="all"
    )
    comment(agreement=agreement, by=people["bureau"], text=mark("komentar-kota", *CITY), audience="own")
    comment(agreement=agreement, by=founder, text=mark("komentar-mitra", "founder"), audience="own")
    draft = bring_draft(
        agreement=agreement,
        file=BytesIO(edited(agreement, mark("naskah-mitra", "founder"))),
        name="naskah.docx",
        by=founder,
    )
    return {"proposal": proposal, "comment": said, "brought": draft}


def edited(agreement: Agreement, text: str) -> bytes:
    """The newest text as a word processor's file in which one article says ``text``."""
    version = current_version(Agreement.objects.get(pk=agreement.pk))
    assert version is not None
    editor = Editor(as_docx(version.reading))
    editor.rewrite(editor.articles("id")[3][1], text)
    return editor.saved()
