"""The applicant's side: begin, fill in section by section, add papers, submit."""

from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from balai.applications import actions
from balai.applications import answers as typed
from balai.applications.models import Application
from balai.applications.queries import (
    ABOUT,
    PAPERS,
    application_of,
    applying_organisations,
    gaps,
    parts,
    return_reason,
    screening_lines,
)
from balai.applications.rules import may_edit
from balai.challenges.models import Challenge, ChallengeState
from balai.collaborations.actions import make_move, unmet
from balai.collaborations.queries import current_schemes, standing
from balai.core.errors import BalaiError, Invalid, Refused, Stale
from balai.core.rules import require
from balai.indicators.models import Dimension
from balai.people.models import City, Organisation
from balai.portal.applications.common import find, keeps_typed, kept, person
from balai.portal.applications.forms import AboutForm, PaperForm, SectionForm, StartForm
from balai.portal.applications.reading import papers_of
from balai.portal.forms import refuse
from balai.portal.once import once


@keeps_typed
@once
def start(request: HttpRequest) -> HttpResponse:
    """Choose organisation, scheme and challenge; a draft is opened."""
    organisations = applying_organisations(request.user)
    cities = sorted(City.objects.filter(hosted=True), key=lambda city: city.code != settings.DEFAULT_CITY)
    challenge = None
    if reference := request.GET.get("tantangan", ""):
        challenge = Challenge.objects.filter(reference=reference, state=ChallengeState.OPEN).first()
    initial: dict[str, Any] = {
        "scheme": request.GET.get("scheme", ""),
        "challenge": challenge,
        "city": challenge.city_id if challenge else settings.DEFAULT_CITY,
    }
    if challenge and len(challenge.schemes) == 1:
        initial["scheme"] = challenge.schemes[0]
    data = request.POST if request.method == "POST" else kept(request)
    form = StartForm(
        data, organisations=organisations, schemes=current_schemes(), cities=cities, initial=initial
    )
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            values = form.cleaned_data
            try:
                application = actions.start_application(
                    by=person(request.user),
                    partner=values["partner"],
                    city=values["city"],
                    scheme_key=values["scheme"],
                    challenge=values["challenge"],
                    title=values["title"],
                )
            except Invalid as fault:
                refuse(form, fault)
            except Refused as fault:
                form.add_error(None, str(fault.reason))
                status = 403
            else:
                messages.success(request, _("The draft is open. Save and come back whenever you like."))
                return redirect("portal:application", reference=application.collaboration.reference)
    return render(
        request,
        "applications/start.html",
        {"form": form, "organisations": organisations, "cities": cities},
        status=status,
    )


def _draft(request: HttpRequest, reference: str) -> Application:
    """An application the person may change now; 404 to those who may not even read it."""
    application, _view = find(request, reference)
    require(may_edit(request.user, application.collaboration))
    return application


def _marks(application: Application, keys: set[str]) -> str:
    """What the page shows, in short marks, so that a save knows what the person changed."""
    values = actions.values_of(application)
    return " ".join(f"{key}={actions.stamp(values.get(key))}" for key in sorted(keys))


def _seen(text: str) -> dict[str, str]:
    pairs = (mark.partition("=") for mark in text.split()[:200])
    return {key: value for key, _equal, value in pairs}


def _form(application: Application, key: str, data: QueryDict | None) -> tuple[forms.Form, set[str]]:
    """The form of a page and the keys of what it holds."""
    scheme = application.collaboration.scheme
    if key == ABOUT:
        about = AboutForm(data, application=application)
        return about, {f"about.{name}" for name in about.fields}
    if key not in dict(scheme.sections):
        raise Http404
    form = SectionForm(data, scheme=scheme, section=key, values=application.answers)
    return form, set(form.fields)


def _neighbours(application: Application, key: str) -> tuple[str, str]:
    keys = [ABOUT, *dict(application.collaboration.scheme.sections), PAPERS]
    at = keys.index(key)
    return keys[at - 1] if at else "", keys[at + 1] if at + 1 < len(keys) else ""


@keeps_typed
def section(request: HttpRequest, reference: str, key: str) -> HttpResponse:
    """One page of the form. Saving keeps every answer that can be kept and says what cannot."""
    if key == PAPERS:
        return redirect("portal:application_papers", reference=reference)
    application = _draft(request, reference)
    form, keys = _form(application, key, request.POST if request.method == "POST" else kept(request))
    theirs: list[dict[str, str]] = []
    status = 200
    if request.method == "POST":
        by_machine = "HX-Request" in request.headers
        application, theirs, status = _save(request, application, key, form)
        if by_machine:
            return _saved(request, application, keys, form, theirs)
        if status == 200:
            messages.success(request, _("Saved."))
            _before, after = _neighbours(application, key)
            match request.POST.get("go"):
                case "next" if after:
                    return redirect("portal:application_section", reference=reference, key=after)
                case "stay":
                    return redirect("portal:application_section", reference=reference, key=key)
            return redirect("portal:application", reference=reference)
    return render(
        request,
        "applications/section.html",
        {
            "it": application.collaboration,
            "application": application,
            "form": form,
            "key": key,
            "label": next(part.label for part in parts(application) if part.key == key),
            "parts": parts(application),
            "marks": _marks(application, keys),
            "theirs": theirs,
            "neighbours": _neighbours(application, key),
            "revision": application.revision,
            "recovered": request.method == "GET" and form.is_bound,
        },
        status=status,
    )


def _save(
    request: HttpRequest, application: Application, key: str, form: forms.Form
) -> tuple[Application, list[dict[str, str]], int]:
    """Save what is valid; the application as it stands then, other people's versions, and the status."""
    form.full_clean()
    values = {name: value for name, value in form.cleaned_data.items() if name not in form.errors}
    given: dict[str, Any] = {"about": values} if key == ABOUT else {"answers": values}
    revision = request.POST.get("revision", "")
    try:
        saved = actions.save_draft(
            application=application,
            by=person(request.user),
            revision=int(revision) if revision.isdecimal() and len(revision) < 10 else 0,
            seen=_seen(request.POST.get("seen", "")),
            **given,
        )
    except actions.Conflict as conflict:
        fresh = application_of(application.collaboration)
        return fresh, _theirs(fresh, conflict), 409
    except Invalid as fault:
        refuse(form, fault)
        return application, [], 422
    return saved, [], 422 if form.errors else 200


def _theirs(application: Application, conflict: actions.Conflict) -> list[dict[str, str]]:
    """The other person's version of each answer both changed, as a person reads it."""
    fields = {field.key: field for field in application.collaboration.scheme.fields}
    found = []
    for key, value in conflict.theirs.items():
        name = key.removeprefix("about.")
        if key in fields:
            label, text = str(fields[key].label), typed.shown(fields[key], value)
        elif name == "dimensions":
            label = str(AboutForm.base_fields[name].label)
            text = ", ".join(str(Dimension(code).label) for code in value)
        elif name == "agency":
            label = str(AboutForm.base_fields[name].label)
            agency = Organisation.objects.filter(pk=value).first() if value else None
            text = agency.name if agency else ""
        else:
            label, text = str(AboutForm.base_fields[name].label), str(value or "")
        found.append({"label": label, "text": text})
    return found


def _saved(
    request: HttpRequest,
    application: Application,
    keys: set[str],
    form: forms.Form,
    theirs: list[dict[str, str]],
) -> HttpResponse:
    """The answer to a save in the background: a line of status with the marks of what is stored now."""
    seen = request.POST.get("seen", "")
    revision = request.POST.get("revision", "0")
    if not theirs:
        seen, revision = _marks(application, keys), str(application.revision)
    return render(
        request,
        "applications/_saved.html",
        {
            "marks": seen,
            "revision": revision,
            "theirs": theirs,
            "faults": len(form.errors),
            "at": _clock(timezone.localtime()),
        },
    )


def _clock(moment: datetime) -> str:
    return f"{moment:%H.%M}"


@keeps_typed
@once
def papers(request: HttpRequest, reference: str) -> HttpResponse:
    """The files the scheme asks for. Each is uploaded on its own, so a bad one costs nothing else."""
    application = _draft(request, reference)
    kinds = [paper.key for paper in application.collaboration.scheme.papers]
    kind = request.POST.get("kind", "")
    uploads = {key: PaperForm(prefix=key) for key in kinds}
    status = 200
    if request.method == "POST":
        if kind not in kinds:
            raise Http404
        form = uploads[kind] = PaperForm(request.POST, request.FILES, prefix=kind)
        status = 422
        if form.is_valid():
            upload = form.cleaned_data["file"]
            try:
                actions.attach(
                    application=application,
                    by=person(request.user),
                    kind=kind,
                    file=upload,
                    name=upload.name or "",
                )
            except Invalid as fault:
                refuse(form, fault)
            else:
                messages.success(request, _("The file is in the draft."))
                return redirect("portal:application_papers", reference=reference)
    rows = papers_of(application)
    return render(
        request,
        "applications/papers.html",
        {
            "it": application.collaboration,
            "rows": [row | {"form": uploads[row["paper"].key]} for row in rows],
            "parts": parts(application, {row["paper"].key for row in rows if row["files"]}),
            "key": PAPERS,
            "limit_mb": settings.UPLOAD_LIMIT_BYTES // (1024 * 1024),
            "neighbours": _neighbours(application, PAPERS),
        },
        status=status,
    )


@keeps_typed
@require_POST
def take_out(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """Take one file out of the draft."""
    application = _draft(request, reference)
    attachment = get_object_or_404(application.attachments, pk=pk)
    actions.detach(application=application, by=person(request.user), attachment=attachment)
    messages.success(request, _("The file is out of the draft."))
    return redirect("portal:application_papers", reference=reference)


@keeps_typed
def submit(request: HttpRequest, reference: str) -> HttpResponse:
    """What is missing, what is promised and what is not; then hand it to the city."""
    application, _view = find(request, reference)
    collaboration = application.collaboration
    seen = request.POST.get("seen", collaboration.stage)
    if request.method == "POST":
        try:
            make_move(collaboration=collaboration, move="submit", by=person(request.user), seen=seen)
        except (Refused, Stale) as fault:
            messages.error(request, _reason(fault))
            if isinstance(fault, Stale):
                return redirect("portal:application", reference=reference)
        else:
            messages.success(
                request, _("Submitted. The cooperation bureau checks it now; you will be told of every step.")
            )
            return redirect("portal:application", reference=reference)
    require(may_edit(request.user, collaboration))
    move = collaboration.scheme.move("submit")
    others = tuple(name for name in move.guards if name != "application.complete")
    missing = gaps(application)
    return render(
        request,
        "applications/submit.html",
        {
            "it": collaboration,
            "scheme": collaboration.scheme,
            "now": standing(collaboration),
            "target": collaboration.scheme.stage(move.target),
            "gaps": missing,
            "unmet": unmet(collaboration, others),
            "parts": parts(application),
            "key": "submit",
            "returned": return_reason(collaboration) if collaboration.submitted_at else None,
            "remarks": [line for line in screening_lines(application) if line.check and not line.passed]
            if collaboration.submitted_at
            else [],
        },
        status=403 if request.method == "POST" else 200,
    )


def _reason(fault: BalaiError) -> str:
    return str(fault.reason)
