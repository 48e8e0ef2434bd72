"""Forms of a negotiation: a change of one article, an answer, a comment, a draft that comes back."""

from typing import Any

from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from balai.agreements.docx_matching import Findings
from balai.agreements.drafting import LONGEST_TEXT, paragraphs
from balai.agreements.models import CommentAudience, EditKind
from balai.agreements.models.negotiation import LONGEST_COMMENT, LONGEST_REASON
from balai.agreements.negotiation import LONGEST_HEADING
from balai.agreements.proposals import ClauseEdit, before, clause_of
from balai.agreements.terms import AgreementTerms, Both
from balai.core.errors import Invalid

WORDED = (EditKind.CHANGE, EditKind.ADD)
PLACED = (EditKind.ADD, EditKind.MOVE)


def _area(rows: int, language: str = "id") -> forms.Textarea:
    return forms.Textarea({"rows": rows, "lang": language})


def headings(terms: AgreementTerms, besides: str = "") -> list[tuple[str, str]]:
    """The articles by key with their number and heading, for a choice."""
    language = "en" if (get_language() or "id").startswith("en") else "id"
    return [
        (clause.key, f"{number}. {clause.heading.inside(language)}")
        for number, clause in enumerate(terms.clauses, 1)
        if clause.key != besides
    ]


class ReasonField(forms.CharField):
    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", _("Why?"))
        kwargs.setdefault("help_text", _("The other parties read this."))
        super().__init__(max_length=LONGEST_REASON, widget=forms.Textarea({"rows": 3}), **kwargs)


class ClauseForm(forms.Form):
    """One change of one article; its fields are those the kind of change needs."""

    seen = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, terms: AgreementTerms, kind: str, key: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind, self.key = kind, key
        if kind in WORDED:
            self.fields["heading_id"] = forms.CharField(
                label=_("Heading, Bahasa Indonesia"), max_length=LONGEST_HEADING
            )
            self.fields["heading_en"] = forms.CharField(
                label=_("Heading, English"), max_length=LONGEST_HEADING, required=False
            )
            self.fields["id"] = forms.CharField(
                label=_("Bahasa Indonesia"), widget=_area(8), max_length=LONGEST_TEXT
            )
            self.fields["en"] = forms.CharField(
                label=_("English"), widget=_area(8, "en"), max_length=LONGEST_TEXT, required=False
            )
        if kind in PLACED:
            first = ("", _("at the beginning"))
            self.fields["after"] = forms.ChoiceField(
                label=_("Stands behind"), choices=[first, *headings(terms, key)], required=False
            )
        self.fields["reason"] = ReasonField()

    @staticmethod
    def start(terms: AgreementTerms, key: str, like: ClauseEdit | None = None) -> dict[str, Any]:
        """What the fields hold before anybody types: the article as it is, or another proposal's words."""
        clause = clause_of(terms, key)
        heading, text = (clause.heading, clause.text) if clause else (Both(""), ())
        after = before(terms, key) if clause else (terms.clauses[-1].key if terms.clauses else "")
        if like is not None:
            after = like.after or after
            if like.text:
                heading, text = like.heading, like.text
        return {
            "seen": terms.version,
            "heading_id": heading.id,
            "heading_en": heading.en,
            "id": "\n\n".join(p.id for p in text),
            "en": "\n\n".join(p.en for p in text).strip(),
            "after": after,
        }

    def edit(self) -> ClauseEdit:
        """The cleaned form as an edit. Raises Invalid where the languages do not match."""
        data = self.cleaned_data
        text: tuple[Both, ...] = ()
        if self.kind in WORDED:
            local, english = paragraphs(data["id"]), paragraphs(data["en"])
            if english and len(local) != len(english):
                fault = _("The Indonesian text has %(id)s paragraphs, the English %(en)s. They must match.")
                raise Invalid(fault, {"en": [str(fault) % {"id": len(local), "en": len(english)}]})
            text = tuple(Both(one, english[n] if english else "") for n, one in enumerate(local))
        return ClauseEdit(
            self.kind,
            self.key,
            data.get("after", ""),
            Both(data.get("heading_id", ""), data.get("heading_en", "")),
            text,
        )


class AnswerForm(forms.Form):
    reason = ReasonField()


class CommentForm(forms.Form):
    text = forms.CharField(label=_("Comment"), max_length=LONGEST_COMMENT, widget=forms.Textarea({"rows": 4}))
    audience = forms.ChoiceField(
        label=_("Who may read it?"), choices=CommentAudience.choices, widget=forms.RadioSelect
    )

    def __init__(self, *args: Any, reply: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if reply:
            del self.fields["audience"]


class DraftForm(forms.Form):
    file = forms.FileField(
        label=_("Edited draft, .docx"), widget=forms.ClearableFileInput(attrs={"accept": ".docx"})
    )


class ChoiceOfDraft(forms.Form):
    """Which changes of a brought draft are proposed, and what becomes of its margin comments."""

    def __init__(self, findings: Findings, possible: set[int], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.findings = findings
        for place, item in enumerate(findings.found):
            self.fields[f"item_{place}"] = forms.BooleanField(
                label=_("Propose this"),
                required=False,
                initial=item.kind != EditKind.DELETE,
                disabled=place not in possible,
            )
        for place in range(len(findings.margins)):
            self.fields[f"comment_{place}"] = forms.ChoiceField(
                label=_("Bring it as a comment to"),
                choices=[("", _("nobody: leave it out")), *reversed(CommentAudience.choices)],
                required=False,
                initial=CommentAudience.ALL,
            )
        if possible:
            self.fields["reason"] = ReasonField(required=False)
        self.possible = possible

    def chosen(self) -> list[int]:
        """The places of the changes to propose."""
        return [n for n in sorted(self.possible) if self.cleaned_data.get(f"item_{n}")]

    def comments(self) -> dict[int, str]:
        """The audience of each margin comment that is brought."""
        places = range(len(self.findings.margins))
        return {n: who for n in places if (who := self.cleaned_data.get(f"comment_{n}"))}
