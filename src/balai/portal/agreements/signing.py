"""Pages that set how an agreement is signed and on which memorandum it rests."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from balai.agreements import rules
from balai.agreements.linking import link_memorandum, memoranda_for
from balai.agreements.models import SigningMode
from balai.agreements.signing_rounds import plan_signing
from balai.core.errors import Invalid
from balai.core.rules import require
from balai.portal.agreements.signing_forms import ParentForm, PlanForm
from balai.portal.agreements.views import _mine, _person
from balai.portal.forms import refuse


@login_required
def plan(request: HttpRequest, pk: UUID) -> HttpResponse:
    """In which manner, in which order, until when?"""
    agreement = _mine(request, pk)
    require(rules.may_plan(request.user, agreement))
    current = rules.current_round(agreement)
    start = {"mode": SigningMode.DESK, "ordered": False, "until": None}
    if current:
        start = {"mode": current.mode, "ordered": current.ordered, "until": current.until}
    form = PlanForm(request.POST or None, initial=start)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                plan_signing(agreement=agreement, by=_person(request), **form.cleaned_data)
            except Invalid as fault:
                refuse(form, fault)
            else:
                messages.success(request, _("It is set how this is signed."))
                return redirect("portal:agreement", pk=pk)
    context = {"it": agreement, "form": form, "round": current, "rounds": agreement.rounds.all()}
    return render(request, "agreements/plan.html", context, status=status)


@login_required
def memorandum(request: HttpRequest, pk: UUID) -> HttpResponse:
    """On which memorandum does this agreement rest?"""
    agreement = _mine(request, pk)
    require(rules.may_link(request.user, agreement))
    choices = memoranda_for(agreement)
    form = ParentForm(choices, request.POST or None, initial={"memorandum": agreement.parent_id})
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                link_memorandum(
                    agreement=agreement, memorandum=form.cleaned_data["memorandum"], by=_person(request)
                )
            except Invalid as fault:
                refuse(form, fault)
            else:
                return redirect("portal:agreement", pk=pk)
    return render(request, "agreements/parent.html", {"it": agreement, "form": form}, status=status)
