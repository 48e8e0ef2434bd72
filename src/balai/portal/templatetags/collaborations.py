"""Words of collaborations for templates."""

import re
from datetime import date
from decimal import Decimal
from typing import Any

from django import template
from django.utils.formats import number_format
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from balai.collaborations.registry import ROLES
from balai.pilots.actions import meets_target
from balai.pilots.models import Effect, EvaluationPlan, Incident, MonitoringReport
from balai.portal import charts
from balai.portal.templatetags.balai import day, period, status

register = template.Library()


@register.simple_tag
def role_name(role: str) -> str:
    """A role of a scheme in words."""
    return str(ROLES.get(role, role))


@register.simple_tag
def site_map(sites: list[dict[str, Any]], title: str) -> SafeString:
    """The sites of a pilot as a drawing with their boundaries."""
    drawn = [
        charts.Site(
            name=site["name"],
            geometry=site.get("fence")
            or {"type": "Point", "coordinates": [site["longitude"], site["latitude"]]},
            radius=0.0 if site.get("fence") else float(site.get("radius_m") or 0),
        )
        for site in sites
    ]
    names = ", ".join(str(site["name"]) for site in sites)
    return charts.site_map(drawn, title=title, desc=names)


@register.simple_tag
def effect_tag(plan: EvaluationPlan, effect: Effect) -> SafeString:
    """Whether the target was reached, in a word; worse than the baseline is said as plainly."""
    up = plan.target > plan.baseline
    observed: Decimal = effect.observed
    better = observed > plan.baseline if up else observed < plan.baseline
    if meets_target(plan, observed):
        return status(_("target reached"), "done")
    if better:
        return status(_("better, target not reached"), "go")
    return status(_("no effect") if observed == plan.baseline else _("worse than before"), "stop")


@register.simple_tag
def open_incidents(incidents: list[Incident]) -> SafeString:
    """How many incidents are open, in a word."""
    count = sum(incident.closed_at is None for incident in incidents)
    return status(str(count), "stop") if count else status(_("none"), "done")


@register.simple_tag
def report_title(report: MonitoringReport) -> str:
    """A report's line: whose view, which period, when filed."""
    return f"{report.get_form_display()} · {period(report.period)} · {day(report.filed_at)}"


@register.filter
def unlocalized(value: Decimal) -> str:
    """A number as machines write it, for hidden inputs."""
    return format(value.normalize(), "f")


@register.filter
def measure(value: Decimal | None) -> str:
    """A measured number without empty decimals, written as the reader's language does."""
    return "" if value is None else str(number_format(format(value.normalize(), "f"), force_grouping=True))


UNITS = {
    "count": lazy("count"),
    "count/year": lazy("a year"),
    "days": lazy("days"),
    "hours": lazy("hours"),
    "hours/year": lazy("hours a year"),
    "index 0-100": lazy("index 0–100"),
    "index 0-5": lazy("index 0–5"),
    "index 1-4": lazy("index 1–4"),
    "minutes": lazy("minutes"),
    "million Rp": lazy("million rupiah"),
    "million Rp/year": lazy("million rupiah a year"),
    "billion Rp/year": lazy("billion rupiah a year"),
    "million trips/year": lazy("million trips a year"),
    "per 1000": lazy("per 1,000"),
    "rank": lazy("rank"),
    "thousand m3/year": lazy("thousand m³ a year"),
    "tonne/day": lazy("tonnes a day"),
    "ug/m3": lazy("µg/m³"),
    "years": lazy("years"),
    "% extra time": lazy("per cent extra time"),
    "% of area": lazy("per cent of the area"),
    "% of population": lazy("per cent of the population"),
    "% of trips": lazy("per cent of trips"),
    "% of value": lazy("per cent of the value"),
    "0-1": lazy("0–1"),
}


@register.filter
def unmarked(text: str) -> str:
    """A source without the editors' marks in square brackets."""
    return re.sub(r"\s*\[[^\]]*\]", "", text)


@register.filter
def here(text: str) -> str:
    """The reader's half of a note kept as "Bahasa Indonesia / English"; a note in one language whole."""
    halves = text.split(" / ")
    return halves[(get_language() or "id").startswith("en")] if len(halves) == 2 else text


@register.filter
def unit(code: str) -> str:
    """A unit of measure in the reader's language; an unknown one as it stands."""
    return str(UNITS.get(code, code))


@register.simple_tag
def effect_chart(plan: EvaluationPlan, effect: Effect) -> SafeString:
    """Where it began and what was reached, against what was promised."""
    before = _("before: %(value)s") % {"value": measure(plan.baseline)}
    return charts.line(
        [
            charts.Series(
                _("observed"),
                [
                    charts.Point(before, float(plan.baseline)),
                    charts.Point(_("after"), float(effect.observed)),
                ],
                hue=plan.indicator.dimension,
            )
        ],
        title=_("Before, observed and target"),
        desc=f"{plan.baseline.normalize():f} → {effect.observed.normalize():f} ({plan.target.normalize():f})",
        reference=(_("target"), float(plan.target)),
    )


@register.filter
def iso_day(text: str) -> str:
    """An ISO date as a day in words; other text (a year, a month) as it is."""
    try:
        return day(date.fromisoformat(text))
    except ValueError:
        return text


KINDS = {
    "need": lazy("need"),
    "challenge": lazy("challenge"),
    "collaboration": lazy("collaboration"),
    "organisation": lazy("partner"),
    "agreement": lazy("agreement"),
    "offer": lazy("offer to other cities"),
}


@register.simple_tag
def kind_name(kind: str) -> str:
    """What sort of thing a search hit is."""
    return str(KINDS.get(kind, kind))
