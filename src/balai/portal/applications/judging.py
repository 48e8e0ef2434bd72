"""The city's side: the checklist, one's own review, and the summary the decision is taken from."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from balai.applications import actions
from balai.applications.models import Application, Decision, Review
from balai.applications.queries import counted_reviews, scores, screening_lines, submitted_reviews
from balai.applications.rules import (
    CHECKS,
    DECISION,
    NAMES,
    REVIEWS,
    Standpoint,
    conflict_of,
    is_reviewed_now,
    may_declare,
    may_review,
    may_screen,
    standpoint,
)
from balai.collaborations.models import Collaboration
from balai.collaborations.queries import options, standing, with_parties
from balai.collaborations.rules import hat_for
from balai.core.errors import Invalid
from balai.portal.applications.common import find, keeps_typed, kept, person
from balai.portal.applications.forms import ConflictForm, ReviewForm, ScreeningForm
from balai.portal.applications.reading import answered, papers_of
from balai.portal.forms import refuse


def _text(application: Application, view: Standpoint) -> dict[str, Any]:
    """The application's own words, beside what is judged."""
    return {
        "it": application.collaboration,
        "application": application,
        "scheme": application.collaboration.scheme,
        "now": standing(application.collaboration),
        "sections": answered(application, view.hat),
        "papers": papers_of(application),
    }


@keeps_typed
def screening(request: HttpRequest, reference: str) -> HttpResponse:
    """The checklist: filled in by the cooperation bureau, read by those who may."""
    application, view = find(request, reference)
    if CHECKS not in view.parts:
        raise Http404
    verdict = may_screen(request.user, application.collaboration)
    lines = screening_lines(application)
    form = ScreeningForm(request.POST if request.method == "POST" else kept(request), lines=lines)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                actions.record_checks(
                    application=application, by=person(request.user), findings=form.findings
                )
            except Invalid as fault:
                for item, texts in fault.fields.items():
                    form.add_error(f"note_{item}", [str(text) for text in texts])
            else:
                messages.success(request, _("The checklist is saved."))
                return redirect("portal:application_screening", reference=reference)
    return render(
        request,
        "applications/screening.html",
        _text(application, view)
        | {
            "form": form,
            "lines": lines,
            "verdict": verdict,
            "current": sum(line.current for line in lines),
            "passed": sum(line.current and line.passed for line in lines),
            "options": [o for o in options(request.user, application.collaboration) if o.yours],
        },
        status=status,
    )


def _for_reviewer(request: HttpRequest, reference: str) -> Application:
    """The application for somebody of the TKKSD, also where a conflict keeps them away."""
    application = _unguarded(request, reference)
    if not hat_for(request.user, application.collaboration, "tkksd"):
        raise Http404
    return application


def _unguarded(request: HttpRequest, reference: str) -> Application:
    rows = with_parties(Collaboration.objects.visible_to(request.user).filter(documented=False))
    collaboration = rows.filter(reference=reference, submitted_at__isnull=False).first()
    if collaboration is None or not hasattr(collaboration, "application"):
        raise Http404
    application: Application = collaboration.application
    return application


@keeps_typed
def review(request: HttpRequest, reference: str) -> HttpResponse:
    """What am I judging, by which rule, what have I left to do?"""
    application = _for_reviewer(request, reference)
    collaboration = application.collaboration
    by = person(request.user)
    own = Review.objects.filter(application=application, reviewer=by).first()
    if conflict := conflict_of(by, application):
        return render(
            request,
            "applications/conflicted.html",
            {
                "it": collaboration,
                "reason": conflict,
                "declared": own is not None and own.conflict,
                "may_declare": may_declare(by, application),
            },
            status=403 if request.method == "POST" else 200,
        )
    verdict = may_review(by, application)
    form = ReviewForm(
        request.POST if request.method == "POST" else kept(request), scheme=collaboration.scheme, review=own
    )
    status = 200
    if request.method == "POST":
        status, done = _judge(request, application, form)
        if done:
            return redirect("portal:application_review", reference=reference)
        own = Review.objects.filter(application=application, reviewer=by).first()
    submitted = own is not None and own.submitted_at is not None
    current = submitted and own is not None and own.revision == application.revision
    others = []
    view = standpoint(by, application)
    if REVIEWS in view.parts:
        others = [one for one in submitted_reviews(application) if one.reviewer_id != by.pk]
    answered_so_far = len(own.scores) if own else 0
    return render(
        request,
        "applications/review.html",
        _text(application, view)
        | {
            "form": form,
            "own": own,
            "submitted": submitted,
            "current": current,
            "verdict": verdict,
            "open": is_reviewed_now(collaboration),
            "done": answered_so_far,
            "all": len(collaboration.scheme.criteria),
            "needed": collaboration.scheme.limits["reviews"],
            "counted": len(counted_reviews(application)),
            "others": [_shown(application, one) for one in others],
            "own_lines": _marks(application, own) if own else [],
            "may_declare": may_declare(by, application),
            "conflict_form": ConflictForm(),
        },
        status=status,
    )


def _judge(request: HttpRequest, application: Application, form: ReviewForm) -> tuple[int, bool]:
    """Keep, hand in or take back; (status, whether it was done)."""
    by = person(request.user)
    what = request.POST.get("do", "save")
    if what == "reopen":
        actions.reopen_review(application=application, by=by)
        messages.success(request, _("Your review is yours again. It counts once you submit it."))
        return 200, True
    if not form.is_valid():
        return 422, False
    values: dict[str, Any] = {
        "application": application,
        "by": by,
        "scores": form.scores,
        "recommendation": form.cleaned_data["recommendation"],
        "comment": form.cleaned_data["comment"],
    }
    try:
        if what == "submit":
            actions.submit_review(**values)
            messages.success(request, _("Your review is submitted. Thank you."))
        else:
            actions.save_review(**values)
            messages.success(request, _("Your draft is saved. Nobody else sees it."))
    except Invalid as fault:
        if what == "submit":
            _keep(values)
        refuse(form, fault)
        return 422, False
    return 200, True


def _keep(values: dict[str, Any]) -> None:
    """What could not be submitted is still saved as a draft, where it can be."""
    own = Review.objects.filter(application=values["application"], reviewer=values["by"]).first()
    if own is None or own.submitted_at is None:
        try:
            actions.save_review(**values)
        except Invalid:
            return


@login_required
@require_POST
def conflict(request: HttpRequest, reference: str) -> HttpResponse:
    """Declare a conflict of interest, or take a mistaken one back."""
    application = _for_reviewer(request, reference)
    by = person(request.user)
    if request.POST.get("do") == "clear":
        actions.clear_conflict(application=application, by=by)
        messages.success(request, _("The declared conflict is taken back."))
        return redirect("portal:application_review", reference=reference)
    form = ConflictForm(request.POST)
    if form.is_valid():
        try:
            actions.declare_conflict(application=application, by=by, reason=form.cleaned_data["reason"])
        except Invalid as fault:
            refuse(form, fault)
        else:
            messages.success(request, _("Noted. You take no part in this application."))
            return redirect("portal:application_review", reference=reference)
    return render(
        request,
        "applications/conflict.html",
        {"it": application.collaboration, "form": form},
        status=422,
    )


def _shown(application: Application, review: Review) -> dict[str, Any]:
    return {
        "review": review,
        "current": review.revision == application.revision,
        "marks": _marks(application, review),
    }


def _marks(application: Application, review: Review) -> list[dict[str, Any]]:
    return [
        {
            "label": criterion.label,
            "given": criterion.key in review.scores,
            "mark": review.scores.get(criterion.key),
        }
        for criterion in application.collaboration.scheme.criteria
    ]


@login_required
@require_safe
def summary(request: HttpRequest, reference: str) -> HttpResponse:
    """Scores with their spread, comments and checklist: what a decision is taken from."""
    application, view = find(request, reference)
    seen = view.parts
    if REVIEWS not in seen:
        raise Http404
    collaboration = application.collaboration
    reviews = submitted_reviews(application)
    counted = [one for one in reviews if one.revision == application.revision]
    figures = scores(application, counted)
    criteria = {criterion.key: criterion for criterion in collaboration.scheme.criteria}
    withdrawn = application.reviews.filter(conflict=True).select_related("reviewer")
    return render(
        request,
        "applications/summary.html",
        {
            "it": collaboration,
            "application": application,
            "scheme": collaboration.scheme,
            "now": standing(collaboration),
            "figures": figures,
            "rows": [{"criterion": criteria[line.key], "line": line} for line in figures.lines],
            "reviews": [
                _shown(application, one) | {"mean": mean}
                for one, mean in zip(counted, figures.means, strict=True)
            ],
            "outdated": len(reviews) - len(counted),
            "conflicted": list(withdrawn) if NAMES in seen else [],
            "names": NAMES in seen,
            "lines": screening_lines(application) if CHECKS in seen else [],
            "needed": collaboration.scheme.limits["reviews"],
            "decision": Decision.objects.filter(application=application).first()
            if DECISION in seen
            else None,
            "options": [option for option in options(request.user, collaboration) if option.yours],
        },
    )
