"""Agreements signed on paper: recorded by the bureau, one or many at once, corrected with history."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from balai.agreements import affairs, paper
from balai.agreements import lifecycle_rules as rules
from balai.agreements.models import Agreement, AgreementKind, PaperCertainty
from balai.core import documents
from balai.core.errors import Invalid, Refused, Text
from balai.people.models import City, Organisation, OrganisationKind, Role
from balai.people.rules import is_person
from balai.portal.agreements.life import FIELDS
from balai.portal.agreements.views import _person
from balai.portal.forms import refuse
from balai.portal.once import once

DATE = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class PaperForm(forms.Form):
    """What is known of an agreement on paper; partners and their numbers one a line."""

    kind = forms.ChoiceField(
        label=lazy("Kind"), choices=[(k, label) for k, label in AgreementKind.choices if k in paper.KINDS]
    )
    title = forms.CharField(label=lazy("Title, Bahasa Indonesia"), max_length=200)
    title_en = forms.CharField(label=lazy("Title, English"), max_length=200, required=False)
    city_party = forms.ModelChoiceField(label=lazy("Party of the city"), queryset=Organisation.objects.none())
    city_number = forms.CharField(label=lazy("Number of the city"), max_length=120, required=False)
    partners = forms.CharField(
        label=lazy("Partners"),
        widget=forms.Textarea({"rows": 2}),
        max_length=2000,
        help_text=lazy("One name a line, as on the document."),
    )
    partner_numbers = forms.CharField(
        label=lazy("Numbers of the partners"),
        widget=forms.Textarea({"rows": 2}),
        max_length=1500,
        required=False,
        help_text=lazy("One a line, in the order of the partners."),
    )
    signed_on = forms.DateField(label=lazy("Signed on"), widget=DATE, required=False)
    starts_on = forms.DateField(label=lazy("From"), widget=DATE, required=False)
    ends_on = forms.DateField(label=lazy("Until"), widget=DATE, required=False)
    affair = forms.ChoiceField(label=lazy("Field of government"), required=False)
    source = forms.CharField(
        label=lazy("Source"), max_length=300, help_text=lazy("Where the paper is kept, or who knows of it.")
    )
    certainty = forms.ChoiceField(label=lazy("How sure"), choices=PaperCertainty.choices)

    def __init__(self, city: City, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        agency, field = self.fields["city_party"], self.fields["affair"]
        assert isinstance(agency, forms.ModelChoiceField)
        assert isinstance(field, forms.ChoiceField)
        agency.queryset = Organisation.objects.filter(city=city, kind=OrganisationKind.AGENCY, active=True)
        field.choices = [("", _("not classified")), *((k, str(n)) for k, n in affairs.names().items())]

    def facts(self) -> paper.PaperFacts:
        """The cleaned form as facts."""
        data = dict(self.cleaned_data)
        for name in ("file", "reason", "seen"):
            data.pop(name, None)
        for name in ("partners", "partner_numbers"):
            lines = [line.strip() for line in data[name].splitlines()]
            data[name] = tuple(line for line in lines if line or name == "partner_numbers")
        return paper.PaperFacts(**data)

    @staticmethod
    def start(facts: paper.PaperFacts) -> dict[str, Any]:
        """What the fields hold before anybody corrects them."""
        values = {name: getattr(facts, name) for name in (*paper.COLUMNS, "ended_on")}
        return values | {
            "partners": "\n".join(facts.partners),
            "partner_numbers": "\n".join(facts.partner_numbers),
        }


class RecordForm(PaperForm):
    file = forms.FileField(
        label=lazy("Scan, PDF"),
        required=False,
        widget=forms.ClearableFileInput(attrs={"accept": "application/pdf"}),
        help_text=lazy("For the bureau, the parties and auditors; it is not shown to the public."),
    )


class CorrectionForm(PaperForm):
    seen = forms.CharField(widget=forms.HiddenInput, required=False, max_length=64)
    ended_on = forms.DateField(
        label=lazy("Ended early on"),
        widget=DATE,
        required=False,
        help_text=lazy("Only where it ended before its term."),
    )
    reason = forms.CharField(
        label=lazy("Why is it corrected?"), max_length=500, help_text=lazy("It stays with the record.")
    )


class ImportForm(forms.Form):
    file = forms.FileField(
        label=lazy("CSV file"), widget=forms.ClearableFileInput(attrs={"accept": ".csv,text/csv"})
    )


@login_required
@once
def record(request: HttpRequest) -> HttpResponse:
    """Take one agreement signed on paper into the register."""
    city = _city(request)
    form = RecordForm(city, request.POST or None, request.FILES or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            file = form.cleaned_data["file"]
            try:
                made = paper.record_paper(
                    city=city,
                    facts=form.facts(),
                    by=_person(request),
                    file=file,
                    name=file.name if file else "",
                )
            except Invalid as fault:
                refuse(form, fault)
            else:
                return redirect("portal:agreement", pk=made.pk)
    return render(request, "agreements/paper.html", {"form": form, "city": city}, status=status)


@login_required
@once
def record_many(request: HttpRequest) -> HttpResponse:
    """Read a CSV file, show what it says and what is wrong, and record it once it is confirmed."""
    city = _city(request)
    context: dict[str, Any] = {"form": ImportForm(), "city": city, "headings": list(paper.COLUMNS.values())}
    status = 200
    if request.method == "POST" and "content" in request.POST:
        text = request.POST["content"]
        try:
            made = paper.record_rows(city=city, text=text, by=_person(request))
        except Invalid as fault:
            status = 422
            context |= _previewed(text, city)
            context["refused"] = [text for texts in fault.fields.values() for text in texts]
        else:
            messages.success(
                request,
                ngettext(
                    "%(count)s agreement was recorded.", "%(count)s agreements were recorded.", len(made)
                )
                % {"count": len(made)},
            )
            return redirect("portal:agreement_list")
    elif request.method == "POST":
        form = context["form"] = ImportForm(request.POST, request.FILES)
        status = 422
        if form.is_valid():
            text = _decoded(form.cleaned_data["file"].read(paper.MOST_CHARACTERS * 4))
            try:
                context |= _preview(text, city)
            except Invalid as fault:
                refuse(form, fault)
            else:
                status = 200 if context["ready"] else 422
    return render(request, "agreements/paper_many.html", context, status=status)


def _preview(text: str, city: City) -> dict[str, Any]:
    rows = paper.read_rows(text, city)
    return {
        "rows": [{"number": r.number, "facts": r.facts, "faults": _said(r.faults)} for r in rows],
        "faulty": sum(bool(row.faults) for row in rows),
        "ready": bool(rows) and not any(row.faults for row in rows),
        "content": text,
    }


def _said(faults: Mapping[str, Sequence[Text]]) -> list[str]:
    return [f"{FIELDS[name]}: {' '.join(map(str, texts))}" for name, texts in faults.items()]


def _previewed(text: str, city: City) -> dict[str, Any]:
    """The preview, where the file can be read at all."""
    try:
        return _preview(text, city)
    except Invalid:
        return {}


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


@login_required
@once
def correct(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Correct what the register says of an agreement on paper; what it said before stays."""
    agreement = get_object_or_404(
        Agreement.objects.visible_to(request.user).select_related("city", "paper"), pk=pk, from_paper=True
    )
    if not rules.may_record(request.user, agreement.city):
        raise Refused(_("Only the city's cooperation bureau records agreements from paper."))
    facts = paper.facts_of(agreement)
    form = CorrectionForm(
        agreement.city, request.POST or None, initial=PaperForm.start(facts) | {"seen": paper.digest(facts)}
    )
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                kept = paper.correct_paper(
                    agreement=agreement,
                    facts=form.facts(),
                    reason=form.cleaned_data["reason"],
                    by=_person(request),
                    seen=form.cleaned_data["seen"],
                )
            except Invalid as fault:
                refuse(form, fault)
            else:
                if kept is None:
                    messages.info(request, _("Nothing was different, so the record stays as it is."))
                return redirect("portal:agreement", pk=pk)
    return render(request, "agreements/paper.html", {"form": form, "it": agreement}, status=status)


@require_safe
@login_required
def scan(request: HttpRequest, pk: UUID) -> FileResponse:
    """The scan, for those inside."""
    agreement = get_object_or_404(Agreement.objects.inside(request.user), pk=pk)
    document = paper.scan_of(agreement.pk)
    if document is None:
        raise Http404
    return documents.serve(document)


def _city(request: HttpRequest) -> City:
    user = request.user
    hats = user.hats if is_person(user) else []
    cities = [h.organisation.city for h in hats if h.role == Role.BUREAU and h.organisation.city]
    found = next((city for city in cities if rules.may_record(user, city)), None)
    if found is None:
        raise Refused(_("Only the city's cooperation bureau records agreements from paper."))
    return found
