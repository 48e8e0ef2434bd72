"""What becomes of an agreement after the seal: addenda, the text as amended, the end and what it asks."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_POST, require_safe

from balai.agreements import amending, ending, register
from balai.agreements import lifecycle_rules as rules
from balai.agreements.addenda import SCHEDULES, consolidated, open_addendum, open_termination
from balai.agreements.models import (
    Agreement,
    Handover,
    Termination,
    TerminationConsent,
)
from balai.agreements.queries import with_parties
from balai.core.errors import Invalid
from balai.core.rules import require
from balai.observations.models import Dataset
from balai.portal.agreements.views import _language, _mine, _person, _text, _visible
from balai.portal.forms import refuse
from balai.portal.once import once

DATE = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
NAMES = {
    "obligations": lazy("obligations"),
    "flows": lazy("data flows"),
    "sites": lazy("sites"),
    "milestones": lazy("milestones"),
    "exit": lazy("exit and hand-over"),
}


@require_POST
@login_required
def affair(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Say to which field of government the agreement belongs."""
    agreement = _visible(request, pk)
    register.classify(agreement=agreement, affair=request.POST.get("affair", ""), by=_person(request))
    return redirect("portal:agreement", pk=pk)


class AddendumForm(forms.Form):
    reason = forms.CharField(
        label=lazy("Why is the agreement changed?"),
        widget=forms.Textarea({"rows": 3}),
        max_length=1000,
        help_text=lazy("It stands in the addendum."),
    )
    ends_on = forms.DateField(
        label=lazy("New last day"),
        widget=DATE,
        required=False,
        help_text=lazy("Leave it empty if the term stays as it is."),
    )
    articles = forms.MultipleChoiceField(
        label=lazy("Articles to change"), widget=forms.CheckboxSelectMultiple, required=False
    )
    schedules = forms.MultipleChoiceField(
        label=lazy("Schedules to replace"), widget=forms.CheckboxSelectMultiple, required=False
    )

    def __init__(self, agreement: Agreement, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        terms = consolidated(agreement).terms
        language = _language()
        articles, schedules = self.fields["articles"], self.fields["schedules"]
        assert isinstance(articles, forms.MultipleChoiceField)
        assert isinstance(schedules, forms.MultipleChoiceField)
        articles.choices = [
            (
                clause.key,
                _("Article %(number)s. %(heading)s")
                % {"number": number, "heading": clause.heading.inside(language)},
            )
            for number, clause in enumerate(terms.clauses, 1)
        ]
        schedules.choices = [(name, NAMES[name]) for name in SCHEDULES if getattr(terms, name)]


@login_required
@once
def addendum(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Begin an addendum: which articles change, and until when does it run?"""
    agreement = _mine(request, pk)
    if agreement.sealed_document_id is None:
        raise Http404
    on_its_way = open_addendum(agreement)
    if on_its_way is not None and request.method != "POST":
        return redirect("portal:agreement", pk=on_its_way.pk)
    if on_its_way is None:
        require(rules.may_amend(request.user, agreement))
    form = AddendumForm(agreement, request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                made = amending.draft_addendum(agreement=agreement, by=_person(request), **form.cleaned_data)
            except Invalid as fault:
                refuse(form, fault)
            else:
                messages.success(
                    request, _("The addendum is drafted. Change its articles; both parties then approve it.")
                )
                return redirect("portal:agreement", pk=made.pk)
    return render(request, "agreements/addendum.html", {"it": agreement, "form": form}, status=status)


@require_safe
def amended(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The text as its addenda have left it: a reading aid, marked as one."""
    readable = Agreement.objects.readable_by(request.user)
    rows = with_parties(Agreement.objects.visible_to(request.user)).select_related("city")
    agreement = get_object_or_404(
        rows.prefetch_related(
            Prefetch("addenda", Agreement.objects.filter(sealed_at__isnull=False), to_attr="sealed_addenda")
        ),
        pk=pk,
        sealed_document__isnull=False,
        amends=None,
    )
    needed = {agreement.pk, *(row.pk for row in getattr(agreement, "sealed_addenda", []))}
    if readable.filter(pk__in=needed).count() < len(needed):
        raise Http404
    now = consolidated(agreement)
    context = _text(now.terms)
    for article in context["articles"]:
        article.paragraphs[:] = [{"id": p.id, "en": p.en} for p in article.clause.text]
    context |= {
        "it": agreement,
        "now": now,
        "lines": [{"it": a, "addendum": now.changed.get(a.clause.key)} for a in context["articles"]],
        "replaced": [NAMES[name] for name in SCHEDULES if name in now.changed],
        "addenda": now.addenda,
    }
    return render(request, "agreements/amended.html", context)


class EndingForm(forms.Form):
    way = forms.ChoiceField(
        label=lazy("How"),
        widget=forms.RadioSelect,
        choices=[
            ("consent", lazy("By consent: the other party is asked to agree to this text and day")),
            ("notice", lazy("By notice: one-sided, with the time the agreement asks for")),
        ],
    )
    text = forms.CharField(
        label=lazy("What is agreed, or why notice is given"),
        widget=forms.Textarea({"rows": 4}),
        max_length=2000,
        help_text=lazy("It becomes public once it is settled. Name no persons."),
    )
    effective_on = forms.DateField(label=lazy("Last day of the agreement"), widget=DATE)


@login_required
@once
def end(request: HttpRequest, pk: UUID) -> HttpResponse:
    """End the agreement before its term, or answer the other party who wants to."""
    agreement = _mine(request, pk)
    if agreement.sealed_document_id is None or agreement.amends_id is not None:
        raise Http404
    form = EndingForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            data = form.cleaned_data
            door = ending.give_notice if data["way"] == "notice" else ending.propose_ending
            try:
                door(
                    agreement=agreement,
                    by=_person(request),
                    text=data["text"],
                    effective_on=data["effective_on"],
                )
            except Invalid as fault:
                refuse(form, fault)
            else:
                return redirect("portal:agreement_end", pk=pk)
    return _ending_page(request, agreement, form, status)


@require_POST
@login_required
def end_answer(request: HttpRequest, pk: UUID, ending_pk: int, answer: str) -> HttpResponse:
    """Agree to a proposed end, refuse it, or take one's own back."""
    agreement = _mine(request, pk)
    found = get_object_or_404(Termination.objects.filter(agreement=agreement), pk=ending_pk)
    found.agreement = agreement
    by = _person(request)
    if answer == "setuju":
        ending.agree_ending(termination=found, by=by, seen_sha256=request.POST.get("seen", ""))
        messages.success(request, _("Your side agreed."))
    elif answer == "tolak":
        ending.refuse_ending(termination=found, by=by)
    elif answer == "tarik":
        ending.withdraw_ending(termination=found, by=by)
    else:
        raise Http404
    return redirect("portal:agreement_end", pk=pk)


def _ending_page(request: HttpRequest, agreement: Agreement, form: EndingForm, status: int) -> HttpResponse:
    current = open_termination(agreement)
    if current is not None:
        current.agreement = agreement
    terms = consolidated(agreement).terms
    consents = TerminationConsent.objects.filter(termination=current) if current else None
    said = {consent.party_id: consent.at for consent in consents} if consents is not None else {}
    parties = [{"it": party, "at": said.get(party.pk)} for party in agreement.parties.all()]
    return render(
        request,
        "agreements/end.html",
        {
            "it": agreement,
            "form": form,
            "current": current,
            "parties": parties,
            "may_end": rules.may_end(request.user, agreement),
            "may_answer": current and rules.may_answer_ending(request.user, current),
            "may_withdraw": current and rules.may_withdraw_ending(request.user, current),
            "notice_days": ending.notice_days(terms),
            "exit": [rule.inside(_language()) for rule in terms.exit],
            "datasets": list(Dataset.objects.filter(agreements=agreement)),
        },
        status=status,
    )


@require_POST
@login_required
def handed_over(request: HttpRequest, pk: UUID, duty: int) -> HttpResponse:
    """Say that a duty of the exit clause is done."""
    agreement = _mine(request, pk)
    found = get_object_or_404(Handover.objects.filter(agreement=agreement), pk=duty)
    found.agreement = agreement
    ending.hand_over(duty=found, by=_person(request))
    return redirect("portal:agreement", pk=pk)
