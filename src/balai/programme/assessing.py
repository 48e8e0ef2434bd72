"""Readiness, evaluation and survey: the writes."""

import datetime as dt
import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from balai.core import ledger
from balai.core.errors import Invalid, Stale
from balai.core.rules import require
from balai.people.models import City, User
from balai.programme.models import (
    Assessor,
    Cohort,
    CohortMembership,
    ComponentScore,
    Element,
    Evaluation,
    EvaluationMethod,
    Readiness,
    Survey,
)
from balai.programme.models.assessment import COMPONENTS
from balai.programme.rules import (
    may_appoint,
    may_close_evaluation,
    may_judge_readiness,
    may_run_programme,
    may_score,
    may_survey,
    side_of,
)

METHODS = Path(__file__).parent / "data" / "methods.toml"


def publish_methods(source: str | None = None) -> int:
    """Store the documented versions of the weights; how many are known. A stored version never changes.

    Raises Invalid for weights that do not add up to 100, an unknown component, or a changed version.
    """
    rows = tomllib.loads(source or METHODS.read_text(encoding="utf-8"))["method"]
    with transaction.atomic():
        for row in rows:
            weights = row["weights"]
            if set(weights) != set(COMPONENTS) or sum(weights.values()) != 100:
                raise Invalid(f"{row['key']}: the weights of {', '.join(COMPONENTS)} add up to 100.")
            digest = sha256(ledger.canonical_json(row).encode()).hexdigest()
            kept, _new = EvaluationMethod.objects.get_or_create(
                key=row["key"], defaults={**row, "sha256": digest}
            )
            if kept.sha256 != digest:
                raise Invalid(f"{row['key']} is published with other weights. Give it a new key.")
    return EvaluationMethod.objects.count()


def name_members(
    *, cohort: Cohort, codes: Sequence[str], source: str, source_url: str, as_of: dt.date, by: User
) -> tuple[int, list[str]]:
    """Name the cities of an intake, as a source lists them; (how many are new, codes nobody knows).

    A city named before stays as its first source said. Raises Refused for anybody but the ministry.
    """
    require(may_run_programme(by))
    if not source.strip():
        raise Invalid(_("No source is named."), fields={"source": [_("No source is named.")]})
    cities = City.objects.in_bulk(codes)
    with transaction.atomic():
        known = set(cohort.memberships.values_list("city", flat=True))
        fresh = [code for code in dict.fromkeys(codes) if code in cities and code not in known]
        CohortMembership.objects.bulk_create(
            CohortMembership(
                cohort=cohort, city=cities[code], source=source, source_url=source_url, as_of=as_of
            )
            for code in fresh
        )
        if fresh:
            ledger.append(
                verb="programme.members_named",
                subject=f"cohort:{cohort.pk}",
                by=by,
                role="ministry",
                public=True,
                data={"cities": fresh, "source": source},
            )
    return len(fresh), [code for code in dict.fromkeys(codes) if code not in cities]


def judge_readiness(
    *,
    city: City,
    year: int,
    element: str,
    level: int,
    evidence: str,
    by: User,
    evidence_url: str = "",
) -> Readiness:
    """Judge one element of a city's readiness, as the city itself or as its assessor of the year."""
    require(may_judge_readiness(by, city, year))
    if element not in Element.values or level not in dict(Readiness.LEVELS):
        raise Invalid(_("Choose an element and a level."), fields={"level": [_("Choose a level.")]})
    if not evidence.strip():
        reason = _("Say what shows it: a document, a budget line, a place.")
        raise Invalid(reason, fields={"evidence": [reason]})
    with transaction.atomic():
        made = Readiness.objects.create(
            city=city,
            year=year,
            element=element,
            side=side_of(by, city),
            level=level,
            evidence=evidence.strip(),
            evidence_url=evidence_url,
            by=by.pseudonym,
        )
        ledger.append(
            verb="readiness.judged",
            subject=f"city:{city.pk}",
            by=by,
            role=made.side,
            city=city.pk,
            public=True,
            data={"year": year, "element": element, "level": level},
        )
    return made


def open_evaluation(*, city: City, year: int, method: EvaluationMethod, by: User) -> Evaluation:
    """Begin a city's evaluation of a year, once, by one version of the weights."""
    require(may_run_programme(by))
    try:
        with transaction.atomic():
            made = Evaluation.objects.create(city=city, year=year, method=method, opened_at=timezone.now())
            _note(made, "assessment.opened", by, {"year": year, "method": method.pk, "sha256": method.sha256})
    except IntegrityError:
        raise Stale(_("This city is evaluated for this year already.")) from None
    return made


def appoint_assessor(*, evaluation: Evaluation, user: User, by: User) -> Assessor:
    """Ask a person to judge. Refused where the hub itself sees a conflict."""
    require(may_appoint(by, evaluation, user))
    try:
        with transaction.atomic():
            made = Assessor.objects.create(evaluation=evaluation, user=user)
            _note(evaluation, "assessment.appointed", by, {"assessor": user.pseudonym}, public=False)
    except IntegrityError:
        raise Stale(_("This person is an assessor of it already.")) from None
    return made


def declare_conflict(*, assessor: Assessor, reason: str, by: User) -> None:
    """Step aside for a reason. What was scored before counts no more."""
    require(may_score(by, assessor))
    if not reason.strip():
        raise Invalid(_("Say what the conflict is."), fields={"reason": [_("Say what the conflict is.")]})
    with transaction.atomic():
        if not Assessor.objects.filter(pk=assessor.pk, conflict_at=None).update(
            conflict=reason.strip()[:500], conflict_at=timezone.now()
        ):
            raise Stale(_("A conflict was declared already."))
        _note(assessor.evaluation, "assessment.conflict", by, {"assessor": by.pseudonym}, public=False)


def score(*, assessor: Assessor, scores: Mapping[str, tuple[Decimal, str]], by: User) -> None:
    """Score every component of 0 to 100 with a reason; again until the evaluation is closed."""
    require(may_score(by, assessor))
    fields: dict[str, list[Any]] = {}
    for component in COMPONENTS:
        value, reason = scores.get(component, (None, ""))
        if value is None or not 0 <= value <= 100:
            fields[component] = [_("A score lies between 0 and 100.")]
        elif not reason.strip():
            fields[f"{component}_reason"] = [_("Every score has a reason.")]
    if fields:
        raise Invalid(_("Not every component is scored with a reason."), fields=fields)
    with transaction.atomic():
        held = Evaluation.objects.select_for_update().filter(pk=assessor.evaluation_id, closed_at=None)
        if not held.exists():
            raise Stale(_("The evaluation was closed meanwhile."))
        for component in COMPONENTS:
            value, reason = scores[component]
            ComponentScore.objects.update_or_create(
                assessor=assessor,
                component=component,
                defaults={"score": value, "reason": reason.strip()[:2000]},
            )
        _note(assessor.evaluation, "assessment.scored", by, {"assessor": by.pseudonym}, public=False)


def record_survey(*, evaluation: Evaluation, by: User, values: Mapping[str, Any]) -> Survey:
    """Keep what citizens answered about one programme. Too few answers are kept too, and shown as such."""
    require(may_survey(by, evaluation))
    answers = values["answers"]
    if len(answers) != 5 or any(not isinstance(n, int) or n < 0 for n in answers) or not sum(answers):
        reason = _("Give how many answered 1, 2, 3, 4 and 5.")
        raise Invalid(reason, fields={"answers": [reason]})
    if values["held_until"] < values["held_from"]:
        reason = _("The survey ends before it begins.")
        raise Invalid(reason, fields={"held_until": [reason]})
    try:
        with transaction.atomic():
            made = Survey.objects.create(evaluation=evaluation, **values)
            data = {"dimension": made.dimension, "respondents": made.respondents}
            _note(evaluation, "assessment.surveyed", by, data)
    except IntegrityError:
        raise Stale(_("This programme was surveyed for this evaluation already.")) from None
    return made


def close_evaluation(*, evaluation: Evaluation, by: User) -> Evaluation:
    """End it: the result is public from now on and no score changes."""
    require(may_close_evaluation(by, evaluation))
    with transaction.atomic():
        if not Evaluation.objects.filter(pk=evaluation.pk, closed_at=None).update(closed_at=timezone.now()):
            raise Stale(_("The evaluation was closed already."))
        _note(evaluation, "assessment.closed", by, {"year": evaluation.year, "method": evaluation.method_id})
    evaluation.refresh_from_db()
    return evaluation


def _note(
    evaluation: Evaluation, verb: str, by: User, data: Mapping[str, Any], *, public: bool = True
) -> None:
    ledger.append(
        verb=verb,
        subject=evaluation.thread,
        by=by,
        role="ministry" if verb in ("assessment.opened", "assessment.closed") else "",
        city=evaluation.city_id,
        public=public,
        data=data,
    )
