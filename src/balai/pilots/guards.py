"""What must be true of a pilot before it may start, resume or end."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from balai.collaborations.models import Collaboration
from balai.collaborations.registry import guard
from balai.core.rules import YES, Verdict, no
from balai.pilots.models import (
    Effect,
    EvaluationPlan,
    Incident,
    Milestone,
    MonitoringReport,
    Obligation,
    Pilot,
    Site,
)

OURS = lazy("ours")
BOTH_SIDES = lazy("the partner or the agency, in the plan")


def _pilot(collaboration: Collaboration) -> Pilot | None:
    return Pilot.objects.filter(collaboration=collaboration).first()


@guard("pilot.asset", text=lazy("The city asset is named"), source=OURS, lifted_by=BOTH_SIDES)
def asset(collaboration: Collaboration) -> Verdict:
    pilot = _pilot(collaboration)
    return YES if pilot and pilot.asset.strip() else no(_("The plan names no city asset and its owner."))


@guard("pilot.site", text=lazy("There is a site with a boundary"), source=OURS, lifted_by=BOTH_SIDES)
def site(collaboration: Collaboration) -> Verdict:
    if Site.objects.filter(pilot__collaboration=collaboration, active=True).exists():
        return YES
    return no(_("The plan has no site with a boundary."))


@guard("pilot.safety_plan", text=lazy("The safety plan is complete"), source=OURS, lifted_by=BOTH_SIDES)
def safety_plan(collaboration: Collaboration) -> Verdict:
    pilot = _pilot(collaboration)
    parts = (pilot.safety_plan, pilot.stop_criteria, pilot.restart_criteria) if pilot else ("",)
    if all(part.strip() for part in parts):
        return YES
    return no(_("The safety plan, the stop criteria or the restart criteria are missing."))


@guard("pilot.milestones", text=lazy("Term and milestones are planned"), source=OURS, lifted_by=BOTH_SIDES)
def milestones(collaboration: Collaboration) -> Verdict:
    pilot = _pilot(collaboration)
    if pilot is None or pilot.starts_on is None or pilot.ends_on is None:
        return no(_("The plan has no start and end date."))
    return YES if pilot.milestones.exists() else no(_("The plan has no milestone."))


@guard(
    "pilot.milestones_done",
    text=lazy("Every milestone is reached"),
    source=OURS,
    lifted_by=lazy("the agency, by accepting the work"),
)
def milestones_done(collaboration: Collaboration) -> Verdict:
    left = Milestone.objects.filter(pilot__collaboration=collaboration, done_at=None).count()
    return YES if not left else no(_("Milestones not reached yet: %(left)s.") % {"left": left})


@guard("pilot.obligations", text=lazy("Both sides' obligations stand"), source=OURS, lifted_by=BOTH_SIDES)
def obligations(collaboration: Collaboration) -> Verdict:
    sides = set(
        Obligation.objects.filter(pilot__collaboration=collaboration)
        .values_list("side", flat=True)
        .distinct()
    )
    if sides == {"partner", "city"}:
        return YES
    return no(_("The plan needs at least one obligation of each side."))


@guard(
    "pilot.incidents_closed",
    text=lazy("No serious incident is open"),
    source=OURS,
    lifted_by=lazy("the agency or the cooperation bureau, by closing it with measures"),
)
def incidents_closed(collaboration: Collaboration) -> Verdict:
    open_ones = Incident.objects.filter(
        pilot__collaboration=collaboration, closed_at=None, severity__in=("serious", "fatal")
    ).count()
    return YES if not open_ones else no(_("Serious incidents still open: %(count)s.") % {"count": open_ones})


@guard(
    "evaluation.registered",
    text=lazy("The evaluation plan is fixed"),
    source=OURS,
    lifted_by=lazy("the partner, the agency or the smart-city unit"),
)
def evaluation_registered(collaboration: Collaboration) -> Verdict:
    if EvaluationPlan.objects.filter(pilot__collaboration=collaboration).exists():
        return YES
    return no(_("No evaluation plan is registered: indicator, baseline, target, method."))


@guard(
    "monitoring.filed",
    text=lazy("All three monitoring reports are filed"),
    source=OURS,
    lifted_by=lazy("whoever's form is missing"),
)
def monitoring_filed(collaboration: Collaboration) -> Verdict:
    filed = set(
        MonitoringReport.objects.filter(pilot__collaboration=collaboration).values_list("form", flat=True)
    )
    names = {"bureau": _("cooperation bureau"), "partner": _("partner"), "agency": _("agency (OPD)")}
    missing = [name for form, name in names.items() if form not in filed]
    if not missing:
        return YES
    return no(_("Monitoring report missing from: %(names)s.") % {"names": ", ".join(missing)})


@guard(
    "effect.recorded",
    text=lazy("The effect is recorded against the plan"),
    source=OURS,
    lifted_by=lazy("the partner, the agency or the smart-city unit"),
)
def effect_recorded(collaboration: Collaboration) -> Verdict:
    if Effect.objects.filter(plan__pilot__collaboration=collaboration).exists():
        return YES
    return no(_("No effect is recorded against the evaluation plan."))


@guard(
    "effect.verified",
    text=lazy("The effect is verified by another person"),
    source=OURS,
    lifted_by=lazy("somebody of the city who did not record it"),
)
def effect_verified(collaboration: Collaboration) -> Verdict:
    verified = Effect.objects.filter(plan__pilot__collaboration=collaboration, verified_at__isnull=False)
    return YES if verified.exists() else no(_("The effect is not verified by another person of the city."))
