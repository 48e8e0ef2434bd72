"""Signing ceremonies: the programme, the board on the big screen, and one table of documents a signatory."""

from typing import Any
from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from balai.agreements import ceremonies, rules
from balai.agreements.models import Agreement, Ceremony, CeremonyState
from balai.core.errors import Invalid, Refused
from balai.people.models import City, Role
from balai.people.rules import is_person
from balai.portal.agreements.signing_forms import CeremonyForm, ManyForm
from balai.portal.agreements.views import _person
from balai.portal.forms import refuse
from balai.portal.once import once

REFRESH = ("10", "30", "60")


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """When and where are agreements signed?"""
    rows = Ceremony.objects.select_related("city").order_by("-starts_at", "-pk")[:50]
    return render(request, "agreements/ceremonies.html", {"rows": rows, "may_prepare": _seat(request)})


@login_required
@once
def prepare(request: HttpRequest) -> HttpResponse:
    """Choose the agreements, the hour and the place."""
    city = _seat(request)
    if city is None:
        raise Refused(_("Only the city's cooperation bureau prepares a signing ceremony."))
    ready = ceremonies.agreements_ready(city)
    form = CeremonyForm(ready, request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                made = ceremonies.prepare_ceremony(
                    city=city,
                    by=_person(request),
                    **form.cleaned_data | {"agreements": list(form.cleaned_data["agreements"])},
                )
            except Invalid as fault:
                refuse(form, fault)
            else:
                return redirect("portal:ceremony", pk=made.pk)
    return render(request, "agreements/ceremony_new.html", {"form": form, "city": city}, status=status)


@require_safe
def ceremony(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The programme: what is signed, how far it is, what I do here."""
    it = _found(pk)
    rows = ceremonies.board(it)
    context = _board(request, it, rows) | {
        "tends": rules.tends_ceremonies_of(request.user, it.city) is not None,
        "mine": len(ceremonies.papers_of(request.user, it)) if is_person(request.user) else 0,
    }
    return render(request, "agreements/ceremony.html", context)


@never_cache
@require_safe
def board(request: HttpRequest, pk: UUID) -> HttpResponse:
    """For the big screen: progress, and who has signed how much. ``?segarkan=10`` renews it by itself."""
    it = _found(pk)
    asked = request.GET.get("segarkan", "")
    context = _board(request, it, ceremonies.board(it)) | {"refresh": asked if asked in REFRESH else ""}
    return render(request, "agreements/ceremony_board.html", context)


@require_POST
@login_required
def turn(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Open or close the ceremony."""
    act = ceremonies.close_ceremony if request.POST.get("to") == "closed" else ceremonies.open_ceremony
    act(ceremony=_found(pk), by=_person(request))
    return redirect("portal:ceremony", pk=pk)


@never_cache
@login_required
@reauthentication_required  # type: ignore[untyped-decorator]
def sign_many(request: HttpRequest, pk: UUID) -> HttpResponse:
    """All my documents of this ceremony: read, tick, sign them in one press."""
    it = _found(pk)
    papers = ceremonies.papers_of(request.user, it)
    if not papers:
        raise Refused(_("No document of this ceremony waits for your signature."))
    open_papers = [paper for paper in papers if paper.verdict]
    form = ManyForm([(paper.key, str(paper.agreement)) for paper in open_papers], request.POST or None)
    results: list[ceremonies.Signed] = []
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            chosen = [key.split(":") for key in form.cleaned_data["papers"]]
            try:
                results = ceremonies.sign_many(
                    ceremony=it,
                    chosen=[(UUID(agreement), sha256) for agreement, sha256 in chosen],
                    by=_person(request),
                    consent=form.cleaned_data["consent"],
                )
            except Invalid as fault:
                refuse(form, fault)
            else:
                done = sum(result.signature is not None for result in results)
                messages.success(
                    request,
                    _("%(done)s of %(all)s documents are signed.") % {"done": done, "all": len(results)},
                )
                if done == len(results):
                    return redirect("portal:ceremony_sign", pk=pk)
                papers = ceremonies.papers_of(request.user, it)
                again = [(p.key, str(p.agreement)) for p in papers if p.verdict]
                form = ManyForm(again)
                status = 200
    ticked = set(request.POST.getlist("papers"))
    context = {
        "it": it,
        "form": form,
        "papers": [{"it": paper, "ticked": paper.key in ticked} for paper in papers],
        "open_count": sum(bool(paper.verdict) for paper in papers),
        "failed": [result for result in results if result.signature is None],
    }
    return render(request, "agreements/ceremony_sign.html", context, status=status)


def _found(pk: UUID) -> Ceremony:
    return get_object_or_404(Ceremony.objects.select_related("city"), pk=pk)


def _board(request: HttpRequest, it: Ceremony, rows: list[Agreement]) -> dict[str, Any]:
    """Titles only of agreements the reader may see; of the others the number in the programme."""
    visible = set(
        Agreement.objects.visible_to(request.user)
        .filter(ceremony_items__ceremony=it)
        .values_list("pk", flat=True)
    )
    standing = ceremonies.standing_of(rows)
    return {
        "it": it,
        "standing": standing,
        "rows": [
            {"it": row, "place": place, "visible": row.pk in visible} for place, row in enumerate(rows, 1)
        ],
        "under_way": it.state == CeremonyState.OPEN,
    }


def _seat(request: HttpRequest) -> City | None:
    """The city whose ceremonies the person prepares."""
    seats = request.user.hats if is_person(request.user) else []
    hat = next((h for h in seats if h.role == Role.BUREAU and h.organisation.city_id), None)
    return hat.organisation.city if hat else None
