"""Every change of a pilot: its plan, its incidents, its reports, its effect."""

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from balai.collaborations.models import Collaboration
from balai.collaborations.rules import hat_for
from balai.core import ledger
from balai.core.errors import Invalid, Refused, Stale
from balai.core.models import Document
from balai.core.rules import require
from balai.indicators.models import Indicator
from balai.needs.actions import solve_by_effect
from balai.people.models import User
from balai.pilots import rules
from balai.pilots.geofence import check_fence
from balai.pilots.models import (
    Effect,
    EvaluationPlan,
    Incident,
    Milestone,
    MonitoringReport,
    Obligation,
    Pilot,
    Severity,
    Site,
)
from balai.pilots.monitoring import questions

YEARS = range(2000, 2101)
"""Years a date of a pilot may lie in."""
ROLES = ("applicant", "agency", "bureau", "analyst", "city_signatory")


def tell(
    collaboration: Collaboration, verb: str, by: User | None, *, public: bool, data: Mapping[str, Any]
) -> None:
    """Append a fact about the pilot to the collaboration's thread."""
    role = next((r for r in ROLES if by is not None and hat_for(by, collaboration, r)), "")
    hat = hat_for(by, collaboration, role) if by is not None and role else None
    ledger.append(
        verb=verb,
        subject=collaboration.thread,
        thread=collaboration.thread,
        by=by,
        role=role,
        organisation=hat.organisation_id if hat else None,
        city=collaboration.city_id,
        public=public,
        data=dict(data),
    )


@contextmanager
def standing_still(collaboration: Collaboration) -> Iterator[None]:
    """A transaction in which the collaboration does not move on. Raises Stale where it has moved already.

    The rules were asked of the stage the person saw; without this a plan could change after its guards.
    """
    with transaction.atomic():
        row = Collaboration.objects.select_for_update().only("stage").get(pk=collaboration.pk)
        if row.stage != collaboration.stage:
            raise Stale(_("Somebody was faster: the collaboration has moved on. Nothing was saved."))
        yield


def plausible(*days: dt.date | None) -> bool:
    """Whether each given day lies where a pilot of this hub can: beyond, dates cannot be reckoned with."""
    return all(day is None or day.year in YEARS for day in days)


def ensure_pilot(collaboration: Collaboration) -> Pilot:
    """Return the collaboration's pilot, made on first use."""
    return Pilot.objects.get_or_create(collaboration=collaboration)[0]


def plan_pilot(
    *,
    collaboration: Collaboration,
    by: User,
    starts_on: dt.date,
    ends_on: dt.date,
    asset: str = "",
    safety_plan: str = "",
    stop_criteria: str = "",
    restart_criteria: str = "",
    insurance: str = "",
) -> Pilot:
    """Set term, asset and safety plan. Raises Invalid for a term turned round or beyond the scheme's."""
    require(rules.may_plan(by, collaboration))
    if ends_on <= starts_on:
        raise Invalid(_("Check the dates."), {"ends_on": [_("The end must come after the start.")]})
    if not plausible(starts_on, ends_on):
        raise Invalid(_("Check the dates."), {"starts_on": [_("Choose a year between 2000 and 2100.")]})
    limit = collaboration.scheme.limits.get("term_months")
    if limit and ends_on > months_after(starts_on, limit):
        text = _("This scheme allows %(months)s months at most.") % {"months": limit}
        raise Invalid(_("Check the dates."), {"ends_on": [text]})
    with standing_still(collaboration):
        pilot = ensure_pilot(collaboration)
        pilot.starts_on, pilot.ends_on = starts_on, ends_on
        pilot.asset, pilot.safety_plan = asset, safety_plan
        pilot.stop_criteria, pilot.restart_criteria = stop_criteria, restart_criteria
        pilot.insurance = insurance
        pilot.save()
        data = {"starts": str(starts_on), "ends": str(ends_on)}
        tell(collaboration, "pilot.planned", by, public=True, data=data)
    return pilot


def months_after(day: dt.date, months: int) -> dt.date:
    """The same day ``months`` later, or the last day of that month."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    last = (dt.date(year + month // 12, month % 12 + 1, 1) - dt.timedelta(days=1)).day
    return dt.date(year, month, min(day.day, last))


def add_site(
    *,
    collaboration: Collaboration,
    by: User,
    name: str,
    latitude: float,
    longitude: float,
    radius_m: int | None = None,
    fence: Mapping[str, Any] | None = None,
) -> Site:
    """Add a place with its boundary: a circle in metres or a GeoJSON Polygon (WGS 84)."""
    require(rules.may_plan(by, collaboration))
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise Invalid(_("Check the point."), {"latitude": [_("This is not a point on Earth.")]})
    if fence is None and not radius_m:
        raise Invalid(_("A site needs a boundary."), {"radius_m": [_("Give a radius or a GeoJSON outline.")]})
    if fence is not None:
        check_fence(fence)
        fence = {"type": "Polygon", "coordinates": fence["coordinates"]}
    with standing_still(collaboration):
        site = Site.objects.create(
            pilot=ensure_pilot(collaboration),
            name=name,
            latitude=latitude,
            longitude=longitude,
            radius_m=radius_m,
            fence=fence,
        )
        tell(
            collaboration,
            "pilot.site_added",
            by,
            public=True,
            data={
                "site": site.pk,
                "name": name,
                "latitude": latitude,
                "longitude": longitude,
                "radius_m": radius_m,
                "fence": fence,
            },
        )
    return site


def remove_site(*, site: Site, by: User) -> None:
    """Take a site out of the plan; one that was used stays on record."""
    collaboration = site.pilot.collaboration
    require(rules.may_plan(by, collaboration))
    with standing_still(collaboration):
        if Site.objects.filter(pk=site.pk, active=True).update(active=False):
            data = {"site": site.pk, "name": site.name}
            tell(collaboration, "pilot.site_removed", by, public=True, data=data)


def add_milestone(*, collaboration: Collaboration, by: User, title: str, due_on: dt.date) -> Milestone:
    """Promise something by a day. Raises Invalid for a day no pilot can reach."""
    require(rules.may_plan(by, collaboration))
    if not plausible(due_on):
        raise Invalid(_("Check the dates."), {"due_on": [_("Choose a year between 2000 and 2100.")]})
    with standing_still(collaboration):
        milestone = Milestone.objects.create(pilot=ensure_pilot(collaboration), title=title, due_on=due_on)
        data = {"milestone": milestone.pk, "due": str(due_on)}
        tell(collaboration, "pilot.milestone_planned", by, public=True, data=data)
    return milestone


def reach_milestone(*, milestone: Milestone, by: User, evidence: Document | None = None) -> Milestone:
    """Mark a milestone as reached, once."""
    collaboration = milestone.pilot.collaboration
    require(rules.may_report_progress(by, collaboration))
    now = timezone.now()
    with standing_still(collaboration):
        rows = Milestone.objects.filter(pk=milestone.pk, done_at=None)
        if not rows.update(done_at=now, evidence=evidence):
            raise Stale(_("This milestone is marked as reached already."))
        data = {"milestone": milestone.pk, "evidence": evidence.sha256 if evidence else None}
        tell(collaboration, "pilot.milestone_reached", by, public=True, data=data)
    milestone.done_at, milestone.evidence = now, evidence
    return milestone


def add_obligation(
    *, collaboration: Collaboration, by: User, side: str, text: str, due_on: dt.date | None = None
) -> Obligation:
    require(rules.may_plan(by, collaboration))
    if not plausible(due_on):
        raise Invalid(_("Check the dates."), {"due_on": [_("Choose a year between 2000 and 2100.")]})
    with standing_still(collaboration):
        obligation = Obligation.objects.create(
            pilot=ensure_pilot(collaboration), side=side, text=text, due_on=due_on
        )
        data = {"obligation": obligation.pk, "side": side}
        tell(collaboration, "pilot.obligation_planned", by, public=True, data=data)
    return obligation


def meet_obligation(*, obligation: Obligation, by: User) -> Obligation:
    collaboration = obligation.pilot.collaboration
    require(rules.may_report_progress(by, collaboration))
    now = timezone.now()
    with standing_still(collaboration):
        if not Obligation.objects.filter(pk=obligation.pk, done_at=None).update(done_at=now):
            raise Stale(_("This obligation is marked as met already."))
        data = {"obligation": obligation.pk, "side": obligation.side}
        tell(collaboration, "pilot.obligation_met", by, public=True, data=data)
    obligation.done_at = now
    return obligation


def register_evaluation(
    *,
    collaboration: Collaboration,
    by: User,
    indicator: Indicator,
    baseline: Decimal,
    baseline_period: str,
    target: Decimal,
    method: str,
) -> EvaluationPlan:
    """Fix, before the start, what will be measured and how. A later plan replaces an earlier one
    only until the pilot runs; each version is in the ledger."""
    require(rules.may_register_evaluation(by, collaboration))
    if target == baseline:
        raise Invalid(_("Check the target."), {"target": [_("The target equals the baseline.")]})
    with standing_still(collaboration):
        plan, __ = EvaluationPlan.objects.update_or_create(
            pilot=ensure_pilot(collaboration),
            defaults={
                "indicator": indicator,
                "baseline": baseline,
                "baseline_period": baseline_period,
                "target": target,
                "method": method,
                "registered_at": timezone.now(),
                "registered_by": by.pseudonym,
            },
        )
        tell(
            collaboration,
            "evaluation.registered",
            by,
            public=True,
            data={
                "indicator": indicator.pk,
                "baseline": str(baseline),
                "baseline_period": baseline_period,
                "target": str(target),
                "method": method,
            },
        )
    return plan


def report_incident(
    *,
    collaboration: Collaboration,
    by: User,
    severity: str,
    happened_at: dt.datetime,
    text: str,
    people_hurt: int = 0,
    site: Site | None = None,
) -> Incident:
    """Enter an incident. Its kind, time and number hurt are public at once; its text is for those inside."""
    require(rules.may_report_incident(by, collaboration))
    if happened_at.year not in YEARS:
        raise Invalid(_("Check the time."), {"happened_at": [_("Choose a year between 2000 and 2100.")]})
    if happened_at > timezone.now() + dt.timedelta(minutes=5):
        raise Invalid(_("Check the time."), {"happened_at": [_("This lies in the future.")]})
    if severity == Severity.FATAL and not people_hurt:
        raise Invalid(_("Check the number."), {"people_hurt": [_("Say how many people were hurt.")]})
    with standing_still(collaboration):
        incident = Incident.objects.create(
            pilot=ensure_pilot(collaboration),
            site=site,
            severity=severity,
            happened_at=happened_at,
            text=text,
            people_hurt=people_hurt,
            reported_by=by.pseudonym,
        )
        tell(
            collaboration,
            "pilot.incident_reported",
            by,
            public=True,
            data={
                "incident": incident.pk,
                "severity": severity,
                "hurt": people_hurt,
                "happened": happened_at.isoformat(),
            },
        )
    return incident


def close_incident(*, incident: Incident, by: User, measures: str) -> Incident:
    """Close an incident with the measures taken so that it does not recur."""
    collaboration = incident.pilot.collaboration
    require(rules.may_close_incident(by, collaboration))
    if not measures.strip():
        raise Invalid(_("Say what was done."), {"measures": [_("The measures taken are needed.")]})
    now = timezone.now()
    with standing_still(collaboration):
        rows = Incident.objects.filter(pk=incident.pk, closed_at=None)
        if not rows.update(closed_at=now, measures=measures):
            raise Stale(_("This incident is closed already."))
        tell(collaboration, "pilot.incident_closed", by, public=True, data={"incident": incident.pk})
    incident.closed_at, incident.measures = now, measures
    return incident


def file_report(
    *,
    collaboration: Collaboration,
    by: User,
    form: str,
    period: str,
    answers: Mapping[str, str],
    rating: int | None = None,
    advice: str = "",
    evidence: Document | None = None,
) -> MonitoringReport:
    """File one of the three monitoring forms for a period, once."""
    require(rules.may_file(by, collaboration, form))
    missing = [str(q.label) for q in questions(form) if not answers.get(q.key, "").strip()]
    if missing:
        raise Invalid(
            _("Some questions are not answered."),
            {q.key: [_("Please answer.")] for q in questions(form) if not answers.get(q.key, "").strip()},
        )
    try:
        with standing_still(collaboration):
            report = MonitoringReport.objects.create(
                pilot=ensure_pilot(collaboration),
                form=form,
                period=period,
                answers={q.key: answers[q.key] for q in questions(form)},
                rating=rating,
                advice=advice,
                evidence=evidence,
                by=by.pseudonym,
                filed_at=timezone.now(),
            )
            data = {"form": form, "period": period, "advice": advice, "rating": rating}
            tell(collaboration, "pilot.report_filed", by, public=True, data=data)
    except IntegrityError:
        raise Stale(_("The report of this form and period was filed already.")) from None
    return report


def record_effect(
    *,
    collaboration: Collaboration,
    by: User,
    observed: Decimal,
    period: str,
    sample: str = "",
    confidence: str = "",
    other_events: str = "",
) -> Effect:
    """Record what was measured against the plan. "No effect" and "worse" count like any result."""
    require(rules.may_claim_effect(by, collaboration))
    plan = EvaluationPlan.objects.filter(pilot__collaboration=collaboration).first()
    if plan is None:
        raise Refused(_("There is no evaluation plan; an effect without a plan cannot be recorded."))
    values = {
        "observed": observed,
        "period": period,
        "sample": sample,
        "confidence": confidence,
        "other_events": other_events,
        "claimed_by": by.pseudonym,
        "claimed_at": timezone.now(),
    }
    with standing_still(collaboration):
        effect = Effect.objects.filter(plan=plan).first()
        if effect is None:
            effect = Effect.objects.create(plan=plan, **values)
        elif not Effect.objects.filter(pk=effect.pk, verified_at=None).update(**values):
            raise Stale(_("This effect is verified already and cannot be changed."))
        else:
            effect.refresh_from_db()
        data = {"indicator": plan.indicator_id, "observed": str(observed), "period": period}
        tell(collaboration, "effect.recorded", by, public=True, data=data)
    return effect


def verify_effect(*, effect: Effect, by: User, seen: Decimal) -> Effect:
    """Confirm the recorded value as another person of the city; ``seen`` is the value shown."""
    collaboration = effect.plan.pilot.collaboration
    require(rules.may_verify_effect(by, collaboration, effect))
    if not seen.is_finite() or seen.adjusted() > 17:
        raise Stale(_("The recorded effect has changed or is verified already."))
    now = timezone.now()
    with standing_still(collaboration):
        rows = Effect.objects.filter(pk=effect.pk, verified_at=None, observed=seen)
        if not rows.exclude(claimed_by=by.pseudonym).update(verified_by=by.pseudonym, verified_at=now):
            raise Stale(_("The recorded effect has changed or is verified already."))
        tell(collaboration, "effect.verified", by, public=True, data={"observed": str(seen)})
        if collaboration.challenge is not None and meets_target(effect.plan, seen):
            for need in collaboration.challenge.needs.order_by("pk"):
                solve_by_effect(need=need, evaluation=f"effect:{effect.pk}")
    effect.verified_by, effect.verified_at = by.pseudonym, now
    return effect


def meets_target(plan: EvaluationPlan, observed: Decimal) -> bool:
    """Whether the observed value reaches the target, in the direction the plan set."""
    return observed >= plan.target if plan.target > plan.baseline else observed <= plan.target
