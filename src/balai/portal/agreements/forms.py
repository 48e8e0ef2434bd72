"""Forms of the agreement pages. The edit form is made from the text it changes."""

from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from balai.agreements.drafting import LONGEST_TEXT
from balai.agreements.queries import label_of_blank
from balai.agreements.terms import AgreementTerms
from balai.agreements.typesetting import called
from balai.observations.models import Direction
from balai.people.models import Organisation, OrganisationKind

DATE = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


def _area(rows: int = 4, language: str = "id") -> forms.Textarea:
    return forms.Textarea({"rows": rows, "lang": language})


class TextForm(forms.Form):
    """The articles, their blanks, the term; one pair of fields for each language."""

    seen = forms.IntegerField(widget=forms.HiddenInput)
    title_id = forms.CharField(label=_("Title, Bahasa Indonesia"), max_length=200)
    title_en = forms.CharField(label=_("Title, English"), max_length=200, required=False)
    place = forms.CharField(label=_("Place"), max_length=120)
    starts_on = forms.DateField(label=_("From"), widget=DATE, required=False)
    ends_on = forms.DateField(label=_("Until"), widget=DATE, required=False)

    def __init__(self, terms: AgreementTerms, *args: Any, user_scheme: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.terms = terms
        self.blank_names = list(terms.variables)
        for name in self.blank_names:
            label = label_of_blank(name)
            self.fields[f"blank_{name}_id"] = forms.CharField(
                label=label, widget=_area(2), max_length=LONGEST_TEXT, required=False
            )
            self.fields[f"blank_{name}_en"] = forms.CharField(
                label=_("English"), widget=_area(2, "en"), max_length=LONGEST_TEXT, required=False
            )
        for clause in terms.clauses:
            key = clause.key
            self.fields[f"clause_{key}_id"] = forms.CharField(
                label=_("Bahasa Indonesia"), widget=_area(6), max_length=LONGEST_TEXT, required=False
            )
            self.fields[f"clause_{key}_en"] = forms.CharField(
                label=_("English"), widget=_area(6, "en"), max_length=LONGEST_TEXT, required=False
            )
        self.fields["new_heading"] = forms.CharField(label=_("Heading"), max_length=120, required=False)
        self.fields["new_id"] = forms.CharField(
            label=_("Bahasa Indonesia"), widget=_area(), max_length=LONGEST_TEXT, required=False
        )
        self.fields["new_en"] = forms.CharField(
            label=_("English"), widget=_area(4, "en"), max_length=LONGEST_TEXT, required=False
        )
        if user_scheme:
            self.fields["spends_regional_budget"] = forms.BooleanField(
                label=_("Regional budget (APBD) is spent"), required=False
            )
            self.fields["procurement_reference"] = forms.CharField(
                label=_("Procurement reference"), max_length=120, required=False
            )
        self.fields["note"] = forms.CharField(
            label=_("What did you change, and why?"),
            help_text=_("The other party reads this beside your changes."),
            max_length=500,
            required=False,
        )

    @staticmethod
    def start(terms: AgreementTerms) -> dict[str, Any]:
        """What the fields hold before anybody types."""
        values: dict[str, Any] = {
            "seen": terms.version,
            "title_id": terms.title.id,
            "title_en": terms.title.en,
            "place": terms.place,
            "starts_on": terms.starts_on,
            "ends_on": terms.ends_on,
        }
        for name, blank in terms.variables.items():
            values |= {f"blank_{name}_id": blank.id, f"blank_{name}_en": blank.en}
        for clause in terms.clauses:
            values[f"clause_{clause.key}_id"] = "\n\n".join(p.id for p in clause.text)
            values[f"clause_{clause.key}_en"] = "\n\n".join(p.en for p in clause.text).strip()
        return values

    def changes(self) -> dict[str, Any]:
        """The cleaned form as changes of the terms, only where something is different."""
        data, before = self.cleaned_data, self.start(self.terms)
        found: dict[str, Any] = {}
        if (data["title_id"], data["title_en"]) != (before["title_id"], before["title_en"]):
            found["title"] = {"id": data["title_id"], "en": data["title_en"]}
        found |= {
            name: data[name] for name in ("place", "starts_on", "ends_on") if data[name] != before[name]
        }
        variables = {
            name: {"id": data[f"blank_{name}_id"], "en": data[f"blank_{name}_en"]}
            for name in self.blank_names
            if self._differs(f"blank_{name}", before)
        }
        clauses: dict[str, Any] = {
            clause.key: {"id": data[f"clause_{clause.key}_id"], "en": data[f"clause_{clause.key}_en"]}
            for clause in self.terms.clauses
            if self._differs(f"clause_{clause.key}", before)
        }
        if data["new_id"] or data["new_heading"]:
            taken = {clause.key for clause in self.terms.clauses}
            key = next(f"own_{n}" for n in range(1, 100) if f"own_{n}" not in taken)
            heading = {"id": data["new_heading"], "en": ""}
            clauses[key] = {"heading": heading, "id": data["new_id"], "en": data["new_en"]}
        if variables:
            found["variables"] = variables
        if clauses:
            found["clauses"] = clauses
        return found

    def _differs(self, name: str, before: dict[str, Any]) -> bool:
        def plain(text: str) -> str:
            return "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").split("\n")).strip()

        return any(
            plain(self.cleaned_data[f"{name}_{language}"]) != plain(before[f"{name}_{language}"])
            for language in ("id", "en")
        )

    def blanks(self) -> list[dict[str, Any]]:
        """The blanks as pairs of fields, for the template."""
        return [{"id": self[f"blank_{n}_id"], "en": self[f"blank_{n}_en"]} for n in self.blank_names]

    def articles(self) -> list[dict[str, Any]]:
        """The articles as pairs of fields under their heading, for the template."""
        language = "en" if (get_language() or "id").startswith("en") else "id"
        return [
            {
                "number": number,
                "heading": clause.heading.inside(language),
                "key": clause.key,
                "id": self[f"clause_{clause.key}_id"],
                "en": self[f"clause_{clause.key}_en"],
                "wrong": bool(
                    self.errors.get(f"clause_{clause.key}_id") or self.errors.get(f"clause_{clause.key}_en")
                )
                if self.is_bound
                else False,
            }
            for number, clause in enumerate(self.terms.clauses, 1)
        ]


class PairRow(forms.Form):
    id = forms.CharField(label=_("Bahasa Indonesia"), max_length=500)
    en = forms.CharField(label=_("English"), max_length=500, required=False)

    def value(self) -> Any:
        return {"id": self.cleaned_data["id"], "en": self.cleaned_data["en"]}

    @staticmethod
    def start(row: Any) -> dict[str, Any]:
        return {"id": row.id, "en": row.en}


class ObligationRow(PairRow):
    party = forms.TypedChoiceField(label=_("Party"), coerce=int)
    due_on = forms.DateField(label=_("By"), widget=DATE, required=False)
    field_order = ("party", "id", "en", "due_on")

    def __init__(self, *args: Any, places: tuple[int, ...] = (1, 2), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        language = "en" if (get_language() or "id").startswith("en") else "id"
        field = self.fields["party"]
        assert isinstance(field, forms.TypedChoiceField)
        field.choices = [("", "–"), *((place, called(place).inside(language)) for place in places)]

    def value(self) -> Any:
        due = self.cleaned_data["due_on"]
        return {
            "party": self.cleaned_data["party"],
            "text": super().value(),
            "due_on": due.isoformat() if due else None,
        }

    @staticmethod
    def start(row: Any) -> dict[str, Any]:
        return {"party": row.party, "id": row.text.id, "en": row.text.en, "due_on": row.due_on}


class MilestoneRow(PairRow):
    due_on = forms.DateField(label=_("By"), widget=DATE)

    def value(self) -> Any:
        return {"title": super().value(), "due_on": self.cleaned_data["due_on"].isoformat()}

    @staticmethod
    def start(row: Any) -> dict[str, Any]:
        return {"id": row.title.id, "en": row.title.en, "due_on": row.due_on}


class SiteRow(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=160)
    latitude = forms.FloatField(label=_("Latitude"), min_value=-90, max_value=90)
    longitude = forms.FloatField(label=_("Longitude"), min_value=-180, max_value=180)
    radius_m = forms.IntegerField(label=_("Radius in metres"), min_value=1, max_value=50_000, required=False)

    def value(self) -> Any:
        return dict(self.cleaned_data)

    @staticmethod
    def start(row: Any) -> dict[str, Any]:
        return {
            "name": row.name,
            "latitude": row.latitude,
            "longitude": row.longitude,
            "radius_m": row.radius_m,
        }


class FlowRow(forms.Form):
    dataset = forms.CharField(widget=forms.HiddenInput, required=False, max_length=40)
    name_id = forms.CharField(label=_("Data, Bahasa Indonesia"), max_length=200)
    name_en = forms.CharField(label=_("Data, English"), max_length=200, required=False)
    direction = forms.ChoiceField(label=_("Direction"), choices=[("", "–"), *Direction.choices])
    granularity = forms.CharField(label=_("Fields and detail"), max_length=200, required=False)
    refresh = forms.CharField(label=_("How often"), max_length=100, required=False)
    format = forms.CharField(label=_("Format or standard"), max_length=200, required=False)
    personal = forms.BooleanField(label=_("Holds personal data"), required=False)
    legal_basis = forms.CharField(label=_("Legal basis"), max_length=300, required=False)
    controller = forms.CharField(label=_("Controller"), max_length=200, required=False)
    retention_days = forms.IntegerField(
        label=_("Kept for, in days"), min_value=1, max_value=36_500, required=False
    )

    def value(self) -> Any:
        data = self.cleaned_data
        return {
            "name": {"id": data["name_id"], "en": data["name_en"]},
            "direction": data["direction"],
            "granularity": data["granularity"],
            "refresh": data["refresh"],
            "form": data["format"],
            "personal": data["personal"],
            "legal_basis": data["legal_basis"],
            "controller": data["controller"],
            "retention_days": data["retention_days"],
            "dataset": data["dataset"],
        }

    @staticmethod
    def start(row: Any) -> dict[str, Any]:
        return {
            "dataset": row.dataset,
            "name_id": row.name.id,
            "name_en": row.name.en,
            "direction": row.direction,
            "granularity": row.granularity,
            "refresh": row.refresh,
            "format": row.form,
            "personal": row.personal,
            "legal_basis": row.legal_basis,
            "controller": row.controller,
            "retention_days": row.retention_days,
        }


SCHEDULES: tuple[tuple[str, Any, Any], ...] = (
    ("obligations", _("Obligations"), ObligationRow),
    ("flows", _("Data flows"), FlowRow),
    ("sites", _("Sites"), SiteRow),
    ("milestones", _("Milestones"), MilestoneRow),
    ("exit", _("Exit and hand-over"), PairRow),
)


class Schedule:
    """One schedule of the agreement as a set of rows, with two empty ones to add to."""

    def __init__(self, name: str, title: Any, row: Any, terms: AgreementTerms, data: Any = None) -> None:
        self.name, self.title, self.row = name, title, row
        self.rows = getattr(terms, name)
        factory = forms.formset_factory(row, extra=2, can_delete=True, max_num=60, absolute_max=64)
        kwargs: dict[str, Any] = {}
        if row is ObligationRow:
            kwargs["form_kwargs"] = {"places": tuple(p.place for p in terms.parties)}
        self.set = factory(data, prefix=name, initial=[row.start(item) for item in self.rows], **kwargs)

    def changed(self) -> bool:
        return any(form.has_changed() for form in self.set.forms)

    def value(self) -> list[Any]:
        """The rows that stay, as JSON."""
        rows = [f for f in self.set.forms if f.cleaned_data and not f.cleaned_data.get("DELETE")]
        return [{key: item for key, item in form.value().items() if key != "DELETE"} for form in rows]


def schedules(terms: AgreementTerms, data: Any = None) -> list[Schedule]:
    """Every schedule; a memorandum has none."""
    if terms.kind == "mou":
        return []
    return [Schedule(name, title, row, terms, data) for name, title, row in SCHEDULES]


class SignatoryForm(forms.Form):
    signatory_name = forms.CharField(label=_("Name of the signatory"), max_length=150)
    signatory_title = forms.CharField(label=_("Office or position"), max_length=150)
    mandate = forms.CharField(
        label=_("Mandate"),
        max_length=200,
        required=False,
        help_text=_(
            "Surat Kuasa (letter of authority) or deed, with number and date. No mandate, no signature."
        ),
    )
    number = forms.CharField(
        label=_("Your number on the document"),
        max_length=120,
        required=False,
        help_text=_("As your own register writes it, for example 134.4/PKS.46/2026. The hub invents none."),
    )


class StampForm(forms.Form):
    serial = forms.CharField(
        label=_("E-meterai serial"),
        max_length=40,
        validators=[RegexValidator(r"^[\d\s]+$", _("An e-meterai serial has 22 digits."))],
        help_text=_("22 digits, of the Rp10.000 e-meterai on your counterpart."),
    )


class ConsentForm(forms.Form):
    seen = forms.CharField(widget=forms.HiddenInput, max_length=64)
    consent = forms.BooleanField(label="")

    def __init__(self, sentence: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["consent"].label = sentence
        self.fields["consent"].error_messages["required"] = _("Tick the sentence to say that you agree.")


class SignedFileForm(forms.Form):
    file = forms.FileField(
        label=_("Signed PDF"), widget=forms.ClearableFileInput(attrs={"accept": "application/pdf"})
    )


class AuthorityForm(forms.Form):
    file = forms.FileField(label=_("Certificate of the authority, PEM or DER"))
    source = forms.CharField(
        label=_("Source"),
        max_length=300,
        help_text=_("Where the certificate comes from and why it is trusted, with date or decree."),
    )


class RevocationForm(forms.Form):
    file = forms.FileField(label=_("List of revoked certificates (CRL), PEM or DER"))
    source = forms.CharField(label=_("Source"), max_length=300)


class WithdrawForm(forms.Form):
    reason = forms.CharField(label=_("Why?"), max_length=500, help_text=_("It stands on the public ledger."))


class DeclineForm(forms.Form):
    reason = forms.CharField(
        label=_("Why do you decline?"), widget=_area(), max_length=1000, help_text=_("Both sides read it.")
    )


class MemorandumForm(forms.Form):
    partner = forms.ModelMultipleChoiceField(
        label=_("With"), queryset=Organisation.objects.none(), widget=forms.CheckboxSelectMultiple
    )
    title_id = forms.CharField(label=_("Title, Bahasa Indonesia"), max_length=200)
    title_en = forms.CharField(label=_("Title, English"), max_length=200, required=False)
    purpose_id = forms.CharField(label=_("Purpose, Bahasa Indonesia"), widget=_area(), max_length=2000)
    purpose_en = forms.CharField(
        label=_("Purpose, English"), widget=_area(4, "en"), max_length=2000, required=False
    )
    starts_on = forms.DateField(label=_("From"), widget=DATE)
    ends_on = forms.DateField(label=_("Until"), widget=DATE)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["partner"]
        assert isinstance(field, forms.ModelMultipleChoiceField)
        kinds = (OrganisationKind.COMPANY, OrganisationKind.COMMUNITY)
        field.queryset = Organisation.objects.filter(kind__in=kinds, active=True, listed=True)


class VerifyForm(forms.Form):
    file = forms.FileField(
        label=_("PDF file"),
        help_text=_("It is read once to check it and is not kept."),
        widget=forms.ClearableFileInput(attrs={"accept": "application/pdf"}),
    )


class HashForm(forms.Form):
    sha256 = forms.RegexField(
        r"^\s*[0-9a-fA-F]{64}\s*$",
        label="SHA-256",
        max_length=80,
        error_messages={"invalid": _("A SHA-256 has 64 digits from 0 to 9 and a to f.")},
    )
