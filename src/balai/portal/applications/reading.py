"""Applications read: my organisation's, my city's, one of them, its files and its print."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from balai.applications import answers as typed
from balai.applications.models import Application, Decision
from balai.applications.queries import (
    applying_organisations,
    attachments,
    changed_answers,
    city_applications,
    counted_reviews,
    my_applications,
    narrowed,
    parts,
    return_reason,
    screening_lines,
)
from balai.applications.rules import (
    ANSWERS,
    CHECKS,
    DECISION,
    FILES,
    PARTNER,
    REMARKS,
    REVIEWS,
    Standpoint,
    is_editable,
    may_declare,
    may_edit,
    may_review,
    may_screen,
    readable_answers,
)
from balai.collaborations.models import Collaboration
from balai.collaborations.queries import current_schemes, options, standing
from balai.core import documents
from balai.core.pagination import paginate
from balai.people.rules import cities_audited, cities_staffed
from balai.portal.applications.common import find
from balai.portal.applications.forms import ListFilter
from balai.portal.collaborations.story import strip_of
from balai.portal.components import FileLine, Tab
from balai.portal.csv import csv_response

PAGE = 25


def _rows(collaborations: Iterable[Collaboration]) -> list[dict[str, Any]]:
    return [{"it": c, "scheme": c.scheme, "now": standing(c), "strip": strip_of(c)} for c in collaborations]


def _tabs(request: HttpRequest, here: str) -> list[Tab]:
    found = []
    if applying_organisations(request.user):
        found.append(Tab(reverse("portal:applications"), _("Mine"), current=here == "mine"))
    if cities_staffed(request.user) or cities_audited(request.user):
        found.append(Tab(reverse("portal:applications_city"), _("My city's"), current=here == "city"))
    return found


@login_required
@require_safe
def mine(request: HttpRequest) -> HttpResponse:
    """Applications of my organisations; whoever works for a city comes to the city's list instead."""
    staff = bool(cities_staffed(request.user) or cities_audited(request.user))
    applies = bool(applying_organisations(request.user))
    if staff and not applies:
        return redirect("portal:applications_city")
    page = paginate(my_applications(request.user), request.GET.get("cursor"), by="stage_since", size=PAGE)
    return render(
        request,
        "applications/mine.html",
        {"rows": _rows(page.rows), "page": page, "tabs": _tabs(request, "mine"), "applies": applies},
    )


@login_required
@require_safe
def of_city(request: HttpRequest) -> HttpResponse:
    """Every application of my city: where it stands, how long, whose turn."""
    if not (cities_staffed(request.user) or cities_audited(request.user)):
        raise Http404
    form = ListFilter(request.GET, schemes=current_schemes())
    rows = narrowed(city_applications(request.user), form.wanted())
    page = paginate(rows, request.GET.get("cursor"), by="stage_since", size=PAGE)
    return render(
        request,
        "applications/city.html",
        {
            "form": form,
            "rows": _rows(page.rows),
            "page": page,
            "tabs": _tabs(request, "city"),
        },
    )


@login_required
@require_safe
def of_city_csv(request: HttpRequest) -> HttpResponse:
    """The city's list as CSV, with the filters of the page."""
    if not (cities_staffed(request.user) or cities_audited(request.user)):
        raise Http404
    form = ListFilter(request.GET, schemes=current_schemes())
    rows = narrowed(city_applications(request.user), form.wanted()).order_by("-stage_since", "-pk")
    head = (
        "reference title scheme partner agency stage turn since working_days due overdue_days reviews outcome"
    )
    lines = []
    for it in rows.iterator(chunk_size=500):
        now = standing(it)
        lines.append(
            [
                it.reference,
                it.title,
                it.scheme_version.key,
                it.partner.name,
                it.agency.name if it.agency else "",
                it.stage,
                now.stage.turn,
                timezone.localdate(it.stage_since).isoformat(),
                now.working_days,
                it.due_on.isoformat() if it.due_on else "",
                now.overdue_days,
                getattr(it, "reviews_in", 0),
                it.outcome,
            ]
        )
    return csv_response(_("applications") + ".csv", head.split(), lines, marked=True)


def answered(application: Application, hat: str) -> list[dict[str, Any]]:
    """The sections with questions and answers as the reader in this hat may see them now."""
    values, scheme = readable_answers(application, hat), application.collaboration.scheme
    changed = set() if is_editable(application.collaboration) else changed_answers(application)
    return [
        {
            "key": key,
            "label": label,
            "answers": [
                {
                    "label": field.label,
                    "text": typed.shown(field, values.get(field.key)),
                    "changed": field.key in changed,
                }
                for field in scheme.fields
                if field.section == key
            ],
        }
        for key, label in scheme.sections
    ]


def papers_of(application: Application) -> list[dict[str, Any]]:
    """Each kind of paper with its files. One query."""
    found: dict[str, list[Any]] = {}
    for attachment in attachments(application):
        found.setdefault(attachment.kind, []).append(attachment)
    reference = application.collaboration.reference
    return [
        {
            "paper": paper,
            "attachments": found.get(paper.key, []),
            "files": [
                FileLine(
                    name=one.document.name,
                    url=reverse("portal:application_file", args=[reference, one.pk]),
                    size=one.document.size,
                    kind=one.document.media_type,
                )
                for one in found.get(paper.key, [])
            ],
        }
        for paper in application.collaboration.scheme.papers
    ]


def _read(request: HttpRequest, application: Application, view: Standpoint) -> dict[str, Any]:
    """Everything the page of an application shows this person."""
    collaboration = application.collaboration
    seen, hat = view.parts, view.hat
    papers = papers_of(application) if FILES in seen else []
    lines = screening_lines(application) if seen & {CHECKS, REMARKS} else []
    editable = bool(may_edit(request.user, collaboration))
    return {
        "it": collaboration,
        "application": application,
        "scheme": collaboration.scheme,
        "now": standing(collaboration),
        "strip": strip_of(collaboration),
        "sections": answered(application, hat) if ANSWERS in seen else [],
        "papers": papers,
        "lines": lines if CHECKS in seen else [],
        "remarks": [line for line in lines if line.check and not line.passed] if REMARKS in seen else [],
        "returned": return_reason(collaboration)
        if is_editable(collaboration) and collaboration.submitted_at
        else None,
        "decision": Decision.objects.filter(application=application).first() if DECISION in seen else None,
        "editable": editable,
        "parts": parts(application, {row["paper"].key for row in papers if row["files"]}) if editable else [],
        "is_partner": hat == PARTNER,
        "sees_reviews": REVIEWS in seen,
        "seen": seen,
    }


@login_required
@require_safe
def detail(request: HttpRequest, reference: str) -> HttpResponse:
    """One application: how far it is, whose turn, what it says."""
    application, view = find(request, reference)
    collaboration = application.collaboration
    context = _read(request, application, view)
    context["can_screen"] = bool(may_screen(request.user, collaboration))
    context["can_review"] = bool(may_review(request.user, application))
    context["can_declare"] = bool(may_declare(request.user, application))
    if context["sees_reviews"]:
        context["counted"] = len(counted_reviews(application))
        context["needed"] = collaboration.scheme.limits["reviews"]
    context["options"] = [
        option
        for option in options(request.user, collaboration)
        if option.yours and option.move.key != "submit"
    ]
    context["complete_parts"] = sum(part.complete for part in context["parts"])
    return render(request, "applications/detail.html", context)


@login_required
@require_safe
def printed(request: HttpRequest, reference: str) -> HttpResponse:
    """The application as a document to print."""
    return render(request, "applications/print.html", _read(request, *find(request, reference)))


@login_required
@require_safe
def answers_csv(request: HttpRequest, reference: str) -> HttpResponse:
    """Questions and answers as CSV."""
    application, view = find(request, reference)
    sections = answered(application, view.hat)
    return csv_response(
        f"{application.collaboration.reference}.csv",
        ["section", "question", "answer"],
        [
            [str(section["label"]), str(answer["label"]), answer["text"]]
            for section in sections
            for answer in section["answers"]
        ],
        marked=True,
    )


@login_required
@require_safe
def file(request: HttpRequest, reference: str, pk: int) -> HttpResponseBase:
    """One file, always as a download."""
    application, view = find(request, reference)
    if FILES not in view.parts:
        raise Http404
    attachment = get_object_or_404(application.attachments.select_related("document"), pk=pk)
    return documents.serve(attachment.document)
