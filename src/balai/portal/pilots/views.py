"""Is it running safely, where, and is it working? One page, and a page for each thing entered."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from balai.collaborations.models import Collaboration
from balai.collaborations.queries import standing
from balai.collaborations.rules import may_see_inside
from balai.core import documents
from balai.core.errors import Invalid, Refused, Stale, Text
from balai.core.inspection import PAPERS
from balai.core.models import Document
from balai.core.rules import Verdict
from balai.people.models import User
from balai.people.rules import is_person
from balai.pilots import actions, rules
from balai.pilots.flow import series_of
from balai.pilots.models import (
    Effect,
    Incident,
    Milestone,
    MonitoringForm,
    MonitoringReport,
    Obligation,
    Pilot,
    Site,
)
from balai.pilots.monitoring import questions
from balai.portal.forms import refuse
from balai.portal.once import once
from balai.portal.pilots import forms as pilot_forms


def _inside(request: HttpRequest, reference: str) -> tuple[Collaboration, User]:
    """The collaboration for those inside it; 404 for everyone else."""
    rows = Collaboration.objects.visible_to(request.user).select_related(
        "scheme_version", "partner", "agency", "city", "challenge"
    )
    collaboration = get_object_or_404(rows, reference=reference)
    if not is_person(request.user) or not may_see_inside(request.user, collaboration):
        raise Http404
    return collaboration, request.user


def _pilot(collaboration: Collaboration) -> Pilot | None:
    rows = Pilot.objects.select_related("evaluation__indicator", "evaluation__effect", "exit")
    return rows.filter(collaboration=collaboration).first()


@login_required
@require_safe
def detail(request: HttpRequest, reference: str) -> HttpResponse:
    """The pilot for those who run, watch or judge it."""
    collaboration, user = _inside(request, reference)
    pilot = _pilot(collaboration)
    plan = getattr(pilot, "evaluation", None) if pilot else None
    effect = getattr(plan, "effect", None) if plan else None
    reports = list(pilot.reports.all()) if pilot else []
    for report in reports:
        report.lines = [  # type: ignore[attr-defined]
            (question.label, report.answers.get(question.key, "")) for question in questions(report.form)
        ]
    sites = list(pilot.sites.filter(active=True)) if pilot else []
    context: dict[str, Any] = {
        "it": collaboration,
        "now": standing(collaboration),
        "pilot": pilot,
        "plan": plan,
        "effect": effect,
        "sites": sites,
        "milestones": list(pilot.milestones.all()) if pilot else [],
        "obligations": list(pilot.obligations.all()) if pilot else [],
        "incidents": list(pilot.incidents.select_related("site")) if pilot else [],
        "suspensions": list(pilot.suspensions.all()) if pilot else [],
        "reports": reports,
        "forms": [
            (form, MonitoringForm(form).label, rules.may_file(user, collaboration, form))
            for form in MonitoringForm.values
        ],
        "may_plan": rules.may_plan(user, collaboration),
        "may_progress": rules.may_report_progress(user, collaboration),
        "may_report_incident": rules.may_report_incident(user, collaboration),
        "may_close_incident": rules.may_close_incident(user, collaboration),
        "may_register_evaluation": rules.may_register_evaluation(user, collaboration),
        "may_claim": rules.may_claim_effect(user, collaboration),
        "flows": list(series_of(pilot)) if pilot else [],
        "may_bind": rules.may_bind_flow(user, collaboration),
        "may_verify": rules.may_verify_effect(user, collaboration, effect) if effect else None,
    }
    context["map_sites"] = [
        {
            "name": s.name,
            "latitude": s.latitude,
            "longitude": s.longitude,
            "radius_m": s.radius_m,
            "fence": s.fence,
        }
        for s in sites
    ]
    return render(request, "pilots/detail.html", context)


def _form_page(
    request: HttpRequest,
    collaboration: Collaboration,
    *,
    title: Text,
    form: forms.Form,
    act: Callable[[dict[str, Any]], object],
    done: Text,
    may: Verdict,
    lead: Text = "",
    tone: str = "go",
) -> HttpResponse:
    """One form of a pilot: shown, checked, acted on; whatever was typed is kept on every refusal."""
    status = 200
    if not may and request.method != "POST":
        raise Refused(may.reason)
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                act(form.cleaned_data)
            except Invalid as fault:
                refuse(form, fault)
            except (Refused, Stale) as fault:
                form.add_error(None, str(fault.reason))
                status = 409 if isinstance(fault, Stale) else 403
            else:
                messages.success(request, str(done))
                return redirect("portal:pilot", reference=collaboration.reference)
    context = {"it": collaboration, "title": title, "lead": lead, "form": form, "tone": tone}
    return render(request, "pilots/form.html", context, status=status)


def _keep(
    file: UploadedFile[Any] | None, *, by: User, collaboration: Collaboration, field: str = "evidence"
) -> Document | None:
    """Store an attached file, its refusal placed at its field."""
    if file is None:
        return None
    try:
        return documents.store(
            file=file,
            name=file.name or "",
            by=by,
            city=collaboration.city_id,
            allow=PAPERS,
        )
    except Invalid as fault:
        raise Invalid(fault.reason, {field: [fault.reason]}) from None


@login_required
def plan(request: HttpRequest, reference: str) -> HttpResponse:
    collaboration, user = _inside(request, reference)
    initial = pilot_forms.PlanForm.initial_of(_pilot(collaboration))
    return _form_page(
        request,
        collaboration,
        title=_("Plan of the pilot"),
        form=pilot_forms.PlanForm(request.POST or None, initial=initial),
        act=lambda values: actions.plan_pilot(collaboration=collaboration, by=user, **values),
        done=_("The plan is saved."),
        may=rules.may_plan(user, collaboration),
    )


@login_required
@once
def site(request: HttpRequest, reference: str) -> HttpResponse:
    collaboration, user = _inside(request, reference)
    return _form_page(
        request,
        collaboration,
        title=_("Add a site"),
        form=pilot_forms.SiteForm(request.POST or None),
        act=lambda values: actions.add_site(collaboration=collaboration, by=user, **values),
        done=_("The site is added."),
        may=rules.may_plan(user, collaboration),
    )


@login_required
@require_POST
def site_remove(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    collaboration, user = _inside(request, reference)
    found = get_object_or_404(Site, pk=pk, pilot__collaboration=collaboration)
    actions.remove_site(site=found, by=user)
    return redirect("portal:pilot", reference=reference)


@login_required
@once
def milestone(request: HttpRequest, reference: str) -> HttpResponse:
    collaboration, user = _inside(request, reference)
    return _form_page(
        request,
        collaboration,
        title=_("Plan a milestone"),
        form=pilot_forms.MilestoneForm(request.POST or None),
        act=lambda values: actions.add_milestone(collaboration=collaboration, by=user, **values),
        done=_("The milestone is planned."),
        may=rules.may_plan(user, collaboration),
    )


@login_required
def milestone_reached(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    collaboration, user = _inside(request, reference)
    found = get_object_or_404(Milestone, pk=pk, pilot__collaboration=collaboration)

    def act(values: dict[str, Any]) -> None:
        evidence = _keep(values["evidence"], by=user, collaboration=collaboration)
        actions.reach_milestone(milestone=found, by=user, evidence=evidence)

    return _form_page(
        request,
        collaboration,
        title=_("Milestone reached"),
        lead=found.title,
        form=pilot_forms.ReachForm(request.POST if request.method == "POST" else None, request.FILES or None),
        act=act,
        done=_("The milestone is marked as reached."),
        may=rules.may_report_progress(user, collaboration),
    )


@login_required
@once
def obligation(request: HttpRequest, reference: str) -> HttpResponse:
    collaboration, user = _inside(request, reference)
    return _form_page(
        request,
        collaboration,
        title=_("Write down an obligation"),
        form=pilot_forms.ObligationForm(request.POST or None),
        act=lambda values: actions.add_obligation(collaboration=collaboration, by=user, **values),
        done=_("The obligation is written down."),
        may=rules.may_plan(user, collaboration),
    )


@login_required
@require_POST
def obligation_met(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    collaboration, user = _inside(request, reference)
    found = get_object_or_404(Obligation, pk=pk, pilot__collaboration=collaboration)
    actions.meet_obligation(obligation=found, by=user)
    messages.success(request, _("The obligation is marked as met."))
    return redirect("portal:pilot", reference=reference)


@login_required
def evaluation(request: HttpRequest, reference: str) -> HttpResponse:
    collaboration, user = _inside(request, reference)
    pilot = _pilot(collaboration)
    known = getattr(pilot, "evaluation", None) if pilot else None
    names = ("baseline", "baseline_period", "target", "method")
    initial = {name: getattr(known, name) for name in names} if known else {}
    if known:
        initial["indicator"] = known.indicator_id
    elif collaboration.challenge and collaboration.challenge.indicator_id:
        challenge = collaboration.challenge
        initial = {
            "indicator": challenge.indicator_id,
            "baseline": challenge.baseline,
            "baseline_period": challenge.baseline_period,
            "target": challenge.target,
        }
    return _form_page(
        request,
        collaboration,
        title=_("Evaluation plan"),
        lead=_("What will be measured, and how, is fixed before it starts. It cannot be changed afterwards."),
        form=pilot_forms.EvaluationForm(request.POST or None, initial=initial),
        act=lambda values: actions.register_evaluation(collaboration=collaboration, by=user, **values),
        done=_("The evaluation plan is fixed."),
        may=rules.may_register_evaluation(user, collaboration),
    )


@login_required
@once
def incident(request: HttpRequest, reference: str) -> HttpResponse:
    collaboration, user = _inside(request, reference)
    return _form_page(
        request,
        collaboration,
        title=_("Report an incident"),
        lead=_("Report first, explain later. If it is not safe to go on, suspend the pilot afterwards."),
        form=pilot_forms.IncidentForm(request.POST or None, pilot=_pilot(collaboration)),
        act=lambda values: actions.report_incident(collaboration=collaboration, by=user, **values),
        done=_("The incident is on the record; everyone concerned is being told."),
        may=rules.may_report_incident(user, collaboration),
    )


@login_required
def incident_close(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    collaboration, user = _inside(request, reference)
    found = get_object_or_404(
        Incident.objects.select_related("pilot__collaboration"), pk=pk, pilot__collaboration=collaboration
    )
    return _form_page(
        request,
        collaboration,
        title=_("Close the incident"),
        lead=found.text,
        form=pilot_forms.CloseIncidentForm(request.POST or None),
        act=lambda values: actions.close_incident(incident=found, by=user, **values),
        done=_("The incident is closed."),
        may=rules.may_close_incident(user, collaboration),
    )


@login_required
def report(request: HttpRequest, reference: str, form: str) -> HttpResponse:
    collaboration, user = _inside(request, reference)
    if form not in MonitoringForm.values:
        raise Http404
    posted = request.POST if request.method == "POST" else None
    bound = pilot_forms.ReportForm(posted, request.FILES or None, form=form)

    def act(values: dict[str, Any]) -> MonitoringReport:
        return actions.file_report(
            collaboration=collaboration,
            by=user,
            form=form,
            period=values["period"],
            answers={key: values[key] for key in bound.keys},
            rating=values["rating"],
            advice=values["advice"],
            evidence=_keep(values["evidence"], by=user, collaboration=collaboration),
        )

    return _form_page(
        request,
        collaboration,
        title=_("Monitoring report: %(form)s") % {"form": MonitoringForm(form).label},
        form=bound,
        act=act,
        done=_("The report is filed."),
        may=rules.may_file(user, collaboration, form),
    )


@login_required
def effect(request: HttpRequest, reference: str) -> HttpResponse:
    collaboration, user = _inside(request, reference)
    return _form_page(
        request,
        collaboration,
        title=_("Record the effect"),
        lead=_("“No effect” and “worse than before” are results like any other and are published as such."),
        form=pilot_forms.EffectForm(request.POST or None),
        act=lambda values: actions.record_effect(collaboration=collaboration, by=user, **values),
        done=_("The effect is recorded. Another person of the city verifies it."),
        may=rules.may_claim_effect(user, collaboration),
    )


@login_required
@require_POST
def effect_verify(request: HttpRequest, reference: str) -> HttpResponse:
    collaboration, user = _inside(request, reference)
    found = get_object_or_404(
        Effect.objects.select_related("plan__pilot__collaboration"), plan__pilot__collaboration=collaboration
    )
    try:
        seen = Decimal(request.POST.get("seen", ""))
    except InvalidOperation:
        raise Invalid(_("The value you saw did not arrive. Open the page again.")) from None
    actions.verify_effect(effect=found, by=user, seen=seen)
    messages.success(request, _("The effect is verified."))
    return redirect("portal:pilot", reference=reference)


@login_required
@require_safe
def evidence(request: HttpRequest, reference: str, pk: str) -> HttpResponseBase:
    """Evidence of a milestone or a report, for those inside."""
    collaboration, __ = _inside(request, reference)
    milestones = Milestone.objects.filter(pilot__collaboration=collaboration).values("evidence")
    reports = MonitoringReport.objects.filter(pilot__collaboration=collaboration).values("evidence")
    found = Document.objects.filter(pk__in=milestones) | Document.objects.filter(pk__in=reports)
    return documents.serve(get_object_or_404(found, pk=pk))
