"""Pages for document numbers: set one into an agreement, take it out, the book and its patterns."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from balai.agreements import numbering, numbers, rules
from balai.agreements.models import Agreement, DocumentNumber, NumberPattern, Party
from balai.agreements.queries import current_version
from balai.core.errors import Invalid, Refused
from balai.core.pagination import paginate
from balai.core.rules import require
from balai.people.models import Role
from balai.people.rules import is_person
from balai.portal.agreements.signing_forms import NumberForm, PatternForm, ReasonForm
from balai.portal.agreements.views import _mine, _person
from balai.portal.forms import refuse


@login_required
def number(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Whose number stands on the document, and whose is missing?"""
    agreement = _mine(request, pk)
    latest = current_version(agreement)
    if latest is None:
        raise Http404
    pressed = _pressed(request, agreement)
    status = 200
    form = None
    if request.method == "POST":
        status = 422
        form = _form(agreement, pressed, request)
        if form.is_valid():
            typed = form.cleaned_data["number"]
            try:
                if rules.is_city_side(pressed):
                    made = numbering.reserve_number(
                        agreement=agreement, by=_person(request), number=typed, place=pressed.place
                    )
                else:
                    made = numbering.put_number(party=pressed, number=typed, by=_person(request))
            except Invalid as fault:
                refuse(form, fault)
            else:
                messages.success(
                    request,
                    _("Number %(number)s is on the document. No word of the text changed.")
                    % {"number": made.number},
                )
                return redirect("portal:agreement_number", pk=pk)
    held = {n.party_id: n for n in DocumentNumber.objects.filter(agreement=agreement, void_at=None)}
    lines = [
        {
            "party": party,
            "held": held.get(party.pk),
            "verdict": rules.may_put_number(request.user, agreement, party),
            "city": rules.is_city_side(party),
            "form": form if form and party.pk == pressed.pk else _form(agreement, party),
        }
        for party in rules.parties_of(agreement)
    ]
    approved = len(latest.approvals.all()) == len(lines)
    context = {"it": agreement, "latest": latest, "lines": lines, "approved": approved}
    return render(request, "agreements/number.html", context, status=status)


def _pressed(request: HttpRequest, agreement: Agreement) -> Party:
    sides = rules.parties_of(agreement)
    place = request.POST.get("place", "")
    return next((p for p in sides if str(p.place) == place), sides[0])


def _form(agreement: Agreement, party: Party, request: HttpRequest | None = None) -> NumberForm:
    city = rules.is_city_side(party)
    proposed = numbers.proposal(party.organisation, agreement.kind, timezone.localdate()) if city else ""
    return NumberForm(
        request.POST if request else None,
        initial={"place": party.place},
        proposed=proposed,
        city=city,
        auto_id=f"id_{party.place}_%s",
    )


@login_required
def void(request: HttpRequest, pk: UUID, number: int) -> HttpResponse:
    """Take a number out of the text again, saying why."""
    agreement = _mine(request, pk)
    held = get_object_or_404(DocumentNumber.objects.select_related("party"), pk=number, agreement=agreement)
    party = next(p for p in rules.parties_of(agreement) if p.pk == held.party_id)
    require(rules.may_put_number(request.user, agreement, party))
    form = ReasonForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            numbering.void_number(number=held, reason=form.cleaned_data["reason"], by=_person(request))
            return redirect("portal:agreement_number", pk=pk)
    context = {"it": agreement, "form": form, "held": held, "party": party}
    return render(request, "agreements/number_void.html", context, status=status)


@login_required
def book(request: HttpRequest) -> HttpResponse:
    """Every number of the city's agencies, the void ones with their reason; the patterns they follow."""
    seats = request.user.hats if is_person(request.user) else []
    seat = next((h for h in seats if h.role == Role.BUREAU and h.organisation.city_id), None)
    if seat is None:
        raise Refused(_("The cooperation bureau keeps the book of numbers."))
    city = seat.organisation.city_id or ""
    form = PatternForm(city, request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                numbering.add_pattern(by=_person(request), **form.cleaned_data)
            except Invalid as fault:
                refuse(form, fault)
            else:
                messages.success(request, _("The pattern counts from today."))
                return redirect("portal:number_book")
    rows = DocumentNumber.objects.filter(organisation__city=city).select_related("organisation", "agreement")
    page = paginate(rows, request.GET.get("cursor"), by="at", size=50)
    patterns = NumberPattern.objects.filter(organisation__city=city).select_related("organisation")
    context = {"page": page, "patterns": patterns, "form": form}
    return render(request, "agreements/number_book.html", context, status=status)
