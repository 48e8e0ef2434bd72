"""The list of challenges, one challenge's page, its questions, and its opening and closing."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from balai.challenges import actions, rules
from balai.challenges.models import Challenge, ChallengeState
from balai.challenges.queries import listed, public_rows, with_everything
from balai.core.errors import BalaiError, Invalid, Stale, Text
from balai.core.models import Follow
from balai.core.rules import Verdict
from balai.people.models import User
from balai.people.rules import is_person
from balai.portal.challenges.forms import (
    SCHEMES,
    AnswerForm,
    ExtendForm,
    ListFilter,
    OpenForm,
    QuestionForm,
    ReasonForm,
)
from balai.portal.collaborations.views import rows_of
from balai.portal.csv import csv_response
from balai.portal.forms import refuse
from balai.portal.needs.chain import public_collaborations
from balai.portal.needs.cities import code_of
from balai.portal.once import once

TONES = {
    ChallengeState.DRAFT: "neutral",
    ChallengeState.OPEN: "go",
    ChallengeState.CLOSED: "wait",
    ChallengeState.ENDED: "done",
}
SHOWN = 60
"""Challenges on the page of the list; a city has a few a year."""


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """What does the city look for now, and what came of earlier calls?"""
    city = code_of(request)
    form = ListFilter(request.GET)
    values = form.cleaned_data if form.is_valid() else {}
    rows = listed(
        request.user,
        city=city,
        dimension=values.get("dimension", ""),
        state=values.get("state", ""),
        words=values.get("q", ""),
    ).annotate(
        partner_count=Count(
            "collaborations", filter=Q(collaborations__public_since__isnull=False), distinct=True
        )
    )
    found = list(rows[: SHOWN + 1])
    groups = [
        (ChallengeState.OPEN, gettext_lazy("Open now")),
        (ChallengeState.DRAFT, gettext_lazy("Drafts, seen by the city's staff only")),
        (ChallengeState.CLOSED, gettext_lazy("Closed to new applications")),
        (ChallengeState.ENDED, gettext_lazy("Ended")),
    ]
    return render(
        request,
        "challenges/list.html",
        {
            "form": form,
            "groups": [
                (title, TONES[state], members)
                for state, title in groups
                if (members := [c for c in found[:SHOWN] if c.state == state])
            ],
            "none_open": not values.get("state") and not any(c.state == ChallengeState.OPEN for c in found),
            "more": len(found) > SHOWN,
            "filtered": any(form.data.get(name) for name in form.fields),
            "may_pose": is_person(request.user)
            and any(h.role in rules.WRITERS and h.organisation.city_id == city for h in request.user.hats),
            "city_code": city,
        },
    )


@require_safe
def export(request: HttpRequest) -> HttpResponse:
    """Every opened challenge of the city as CSV."""
    head = (
        "reference title title_en agency dimension indicator baseline baseline_period baseline_source target "
        "budget_route schemes state opened_on questions_until closes_on needs invented"
    )
    rows = (
        [
            c.reference,
            c.title,
            c.title_en,
            c.agency.name,
            c.dimension,
            c.indicator_id or "",
            "" if c.baseline is None else c.baseline.normalize(),
            c.baseline_period,
            c.baseline_source,
            "" if c.target is None else c.target.normalize(),
            c.budget_route,
            " ".join(c.schemes),
            c.state,
            timezone.localdate(c.opened_at).isoformat() if c.opened_at else "",
            c.questions_until.isoformat() if c.questions_until else "",
            c.closes_on.isoformat() if c.closes_on else "",
            getattr(c, "need_count", 0),
            c.invented,
        ]
        for c in public_rows(code_of(request)).iterator(chunk_size=500)
    )
    return csv_response("tantangan.csv", head.split(), rows)


def find(request: HttpRequest, reference: str) -> Challenge:
    """The challenge, if the reader may see it; 404 otherwise."""
    return get_object_or_404(with_everything(request.user), reference=reference)


def path_of(challenge: Challenge) -> str:
    return reverse("portal:challenge_detail", args=[challenge.reference])


@require_safe
def detail(request: HttpRequest, reference: str) -> HttpResponse:
    """What is wanted, by whom, by when, with what data and money?"""
    return _page(request, find(request, reference))


@require_POST
def follow(request: HttpRequest, reference: str) -> HttpResponse:
    challenge = find(request, reference)
    if not is_person(request.user):
        return redirect_to_login(path_of(challenge))
    if request.POST.get("leave"):
        actions.unfollow_challenge(challenge=challenge, by=request.user)
        messages.success(request, _("You no longer follow this challenge."))
    else:
        actions.follow_challenge(challenge=challenge, by=request.user)
        messages.success(request, _("You will be told of every hop."))
    return redirect(path_of(challenge))


@require_POST
@once
def ask(request: HttpRequest, reference: str) -> HttpResponse:
    """Ask in public; refused or not, what was typed comes back."""
    challenge = find(request, reference)
    if not is_person(request.user):
        messages.info(request, _("Sign in first, then ask."))
        return redirect_to_login(path_of(challenge))
    user = request.user
    form = QuestionForm(request.POST, auto_id="ask_%s")
    return _try(
        request,
        challenge,
        "tanya",
        form,
        lambda: actions.ask_question(challenge=challenge, by=user, text=form.cleaned_data["text"]),
        _("Your question is public. You will be told of the answer."),
    )


@require_POST
def answer(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    challenge = find(request, reference)
    if not is_person(request.user):
        return redirect_to_login(path_of(challenge))
    question = get_object_or_404(challenge.questions, pk=pk)
    question.challenge = challenge
    user = request.user
    form = AnswerForm(request.POST, auto_id=f"q{pk}_%s")
    return _try(
        request,
        challenge,
        f"tanya-{pk}",
        form,
        lambda: actions.answer_question(question=question, by=user, text=form.cleaned_data["text"]),
        _("The answer is public."),
    )


@dataclass(frozen=True, slots=True)
class Act:
    """One act of the problem owner: its rule, its form and what it does."""

    label: Text
    rule: Callable[[Any, Challenge], Verdict]
    form: type[forms.Form]
    do: Callable[..., object]
    done: Text
    tone: str = ""


ACTS: dict[str, Act] = {
    "buka": Act(
        gettext_lazy("Open the challenge"),
        rules.may_open,
        OpenForm,
        actions.open_challenge,
        gettext_lazy("The challenge is open. Everyone behind its needs is told."),
        "primary",
    ),
    "perpanjang": Act(
        gettext_lazy("Move the closing day"),
        rules.may_close,
        ExtendForm,
        actions.extend_challenge,
        gettext_lazy("The closing day is moved."),
    ),
    "tutup": Act(
        gettext_lazy("Close to new applications"),
        rules.may_close,
        ReasonForm,
        actions.close_challenge,
        gettext_lazy("The challenge takes no more applications."),
        "danger",
    ),
    "akhiri": Act(
        gettext_lazy("End the challenge"),
        rules.may_end,
        ReasonForm,
        actions.end_challenge,
        gettext_lazy("The challenge has ended."),
        "danger",
    ),
}
OF_STATE = {
    ChallengeState.DRAFT: ("buka",),
    ChallengeState.OPEN: ("perpanjang", "tutup"),
    ChallengeState.CLOSED: ("akhiri",),
    ChallengeState.ENDED: (),
}


@require_POST
def act(request: HttpRequest, reference: str, key: str) -> HttpResponse:
    """Open, extend, close or end."""
    deed = ACTS.get(key)
    if deed is None:
        raise Http404
    challenge = find(request, reference)
    if not is_person(request.user):
        return redirect_to_login(path_of(challenge))
    user: User = request.user
    form = deed.form(request.POST, auto_id=f"{key}_%s")
    return _try(
        request,
        challenge,
        key,
        form,
        lambda: deed.do(challenge=challenge, by=user, **form.cleaned_data),
        str(deed.done),
    )


def _try(
    request: HttpRequest,
    challenge: Challenge,
    key: str,
    form: forms.Form,
    do: Callable[[], object],
    done: str,
) -> HttpResponse:
    """Do it and go back to the page, or show the page with the form and why not."""
    if not form.is_valid():
        return _page(request, challenge, opened=key, form=form, status=422)
    try:
        do()
    except Invalid as refusal:
        refuse(form, refusal)
        return _page(request, challenge, opened=key, form=form, status=422)
    except BalaiError as refusal:
        form.add_error(None, str(refusal.reason))
        status = 409 if isinstance(refusal, Stale) else 403
        return _page(request, find(request, challenge.reference), opened=key, form=form, status=status)
    messages.success(request, done)
    return redirect(path_of(challenge))


def _page(
    request: HttpRequest,
    challenge: Challenge,
    *,
    opened: str = "",
    form: forms.Form | None = None,
    status: int = 200,
) -> HttpResponse:
    user = request.user
    may_write = rules.may_write_for(user, challenge.agency)
    partners = list(public_collaborations().filter(challenge=challenge))
    may_answer = rules.may_answer(user, challenge)
    questions = [
        {
            "it": question,
            "form": (form if opened == f"tanya-{question.pk}" else AnswerForm(auto_id=f"q{question.pk}_%s"))
            if may_answer and question.answered_at is None
            else None,
            "opened": opened == f"tanya-{question.pk}",
        }
        for question in challenge.questions.all()
    ]
    panels = [
        {
            "key": key,
            "act": ACTS[key],
            "verdict": ACTS[key].rule(user, challenge),
            "form": form
            if form is not None and opened == key
            else ACTS[key].form(auto_id=f"{key}_%s", initial={"seen": challenge.revision}),
            "opened": opened == key,
        }
        for key in OF_STATE[ChallengeState(challenge.state)]
        if may_write
    ]
    names = dict(SCHEMES)
    return render(
        request,
        "challenges/detail.html",
        {
            "it": challenge,
            "tone": TONES[ChallengeState(challenge.state)],
            "may_write": may_write,
            "may_edit": rules.may_edit(user, challenge),
            "may_ask": rules.may_ask(user, challenge),
            "may_apply": rules.may_apply(user, challenge),
            "apply_url": f"{reverse('portal:application_start')}?tantangan={challenge.reference}",
            "schemes": [(key, names.get(key, key)) for key in challenge.schemes],
            "checks": rules.readiness(challenge) if challenge.state == ChallengeState.DRAFT else [],
            "questions": questions,
            "ask_form": form if opened == "tanya" and form is not None else QuestionForm(auto_id="ask_%s"),
            "partners": rows_of(partners),
            "panels": panels,
            "following": is_person(user)
            and Follow.objects.filter(user=user, thread=challenge.thread).exists(),
            "needs": list(challenge.needs.all()),
            "draft": challenge.state == ChallengeState.DRAFT,
        },
        status=status,
    )
