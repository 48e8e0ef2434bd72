"""Reads: what is missing, how it was screened and judged, and which applications there are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from balai.applications import answers as typed
from balai.applications import scoring
from balai.applications.models import Application, Attachment, Review, ScreeningCheck
from balai.collaborations.models import Collaboration, SchemeVersion
from balai.collaborations.registry import SEATS
from balai.collaborations.schemes import Check, Field
from balai.core.errors import Text
from balai.core.models import Entry
from balai.people.models import Organisation
from balai.people.rules import Reader, cities_audited, cities_staffed, is_person

ABOUT = "about"
PAPERS = "papers"


def applications() -> QuerySet[Application]:
    """Applications with everything a page head shows."""
    return Application.objects.select_related(
        "collaboration__scheme_version",
        "collaboration__partner",
        "collaboration__agency",
        "collaboration__challenge",
        "collaboration__city",
        "collaboration__predecessor",
    ).defer("collaboration__scheme_version__source")


def application_of(collaboration: Collaboration) -> Application:
    """The collaboration's form; for a successor nobody opened yet an unsaved one, carried over."""
    stored = Application.objects.filter(collaboration=collaboration).first()
    if stored is None:
        stored = Application(collaboration=collaboration, answers=carried_over(collaboration))
    else:
        stored.collaboration = collaboration
    return stored


def carried_over(collaboration: Collaboration) -> dict[str, Any]:
    """Answers of the predecessor that fit this scheme's form."""
    earlier = Application.objects.filter(collaboration=collaboration.predecessor_id).first()
    if collaboration.predecessor_id is None or earlier is None:
        return {}
    return typed.carried_over(collaboration.scheme.fields, earlier.answers)


@dataclass(frozen=True, slots=True)
class Gap:
    """Something required that is not there yet; ``section`` is where to put it right."""

    section: str
    key: str
    label: Text


@dataclass(frozen=True, slots=True)
class Part:
    """One page of the form. ``done`` of ``total`` required things are there."""

    key: str
    label: Text
    done: int
    total: int

    @property
    def complete(self) -> bool:
        return self.done == self.total


ABOUT_LABELS: Mapping[str, Text] = {
    "title": _("Title"),
    "summary": _("Summary"),
    "dimensions": _("Dimensions"),
    "agency": _("The agency (OPD) that owns the problem"),
}


def gaps(application: Application, kinds: set[str] | None = None) -> list[Gap]:
    """Everything required that is missing, in the order of the form. One query unless ``kinds`` is given.

    ``kinds`` are the kinds of papers attached. The agency has a guard of its own and is not listed.
    """
    collaboration = application.collaboration
    scheme = collaboration.scheme
    found = [
        Gap(ABOUT, key, ABOUT_LABELS[key])
        for key in ("title", "summary", "dimensions")
        if not getattr(collaboration, key)
    ]
    found += [
        Gap(section, field.key, str(field.label))
        for section, _label in scheme.sections
        for field in scheme.fields
        if field.section == section and field.required and _is_open(field, application.answers.get(field.key))
    ]
    if kinds is None:
        kinds = set(application.attachments.values_list("kind", flat=True))
    found += [
        Gap(PAPERS, paper.key, str(paper.label))
        for paper in scheme.papers
        if paper.required and paper.key not in kinds
    ]
    return found


def _is_open(field: Field, value: Any) -> bool:
    """Not answered, or answered in a way the present form does not take."""
    if typed.is_empty(field, value):
        return True
    try:
        typed.clean(field, value)
    except typed.AnswerError:
        return True
    return False


def parts(application: Application, kinds: set[str] | None = None) -> list[Part]:
    """The pages of the form with how far each is."""
    collaboration = application.collaboration
    scheme = collaboration.scheme
    missing: dict[str, int] = {}
    for gap in gaps(application, kinds):
        missing[gap.section] = missing.get(gap.section, 0) + 1
    if collaboration.agency_id is None:
        missing[ABOUT] = missing.get(ABOUT, 0) + 1
    totals: list[tuple[str, Text, int]] = [(ABOUT, _("In short"), 4)]
    totals += [
        (key, str(label), sum(field.required for field in scheme.fields if field.section == key))
        for key, label in scheme.sections
    ]
    totals.append((PAPERS, _("Papers"), sum(paper.required for paper in scheme.papers)))
    return [Part(key, label, total - missing.get(key, 0), total) for key, label, total in totals]


def changed_answers(application: Application) -> set[str]:
    """Keys whose answer differs from what the city last read; empty before a first return."""
    if application.shown is None:
        return set()
    before, after = application.shown, application.answers
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the checklist and what the bureau found; ``current`` if for the present revision."""

    item: Check
    check: ScreeningCheck | None
    current: bool

    @property
    def passed(self) -> bool:
        return self.check is not None and self.check.passed


def screening_lines(application: Application) -> list[Line]:
    """The scheme's checklist with the findings, in its order. One query."""
    found = {check.item: check for check in application.screening.all()}
    return [
        Line(item, check := found.get(item.key), check is not None and check.revision == application.revision)
        for item in application.collaboration.scheme.checklist
    ]


def submitted_reviews(application: Application) -> list[Review]:
    """Reviews that were submitted without a conflict, the earliest first, with their reviewers."""
    return list(
        application.reviews.filter(submitted_at__isnull=False, conflict=False).select_related("reviewer")
    )


def counted_reviews(application: Application) -> list[Review]:
    """Submitted reviews of the application as it stands; a judgement of an earlier text does not count."""
    return [review for review in submitted_reviews(application) if review.revision == application.revision]


def scores(application: Application, reviews: list[Review] | None = None) -> scoring.Summary:
    """Weighted mean of each counted review, overall and spread, and the same by criterion."""
    if reviews is None:
        reviews = counted_reviews(application)
    weights = {criterion.key: criterion.weight for criterion in application.collaboration.scheme.criteria}
    return scoring.summarise([review.scores for review in reviews], weights)


def attachments(application: Application) -> list[Attachment]:
    return list(application.attachments.select_related("document"))


def return_reason(collaboration: Collaboration) -> Entry | None:
    """The ledger entry in which the application was last returned; its ``facts["reason"]`` says why."""
    entries = Entry.objects.filter(thread=collaboration.thread, verb="collaboration.moved").order_by("-seq")
    stages = {collaboration.stage}
    for entry in entries[:20]:
        if entry.facts.get("to") in stages and entry.facts.get("reason"):
            return entry
    return None


def my_applications(user: Reader) -> QuerySet[Collaboration]:
    """Collaborations of the organisations the person acts for, successors without a form included."""
    rows = Collaboration.objects.filter(documented=False)
    if not is_person(user):
        return rows.none()
    firms = {hat.organisation_id for hat in user.hats if hat.organisation.kind != "agency"}
    return _listed(rows.filter(partner__in=firms))


def city_applications(user: Reader) -> QuerySet[Collaboration]:
    """Submitted applications of the cities the person works for or audits, without those of their own firm
    and those they declared a conflict in."""
    if not is_person(user):
        return Collaboration.objects.none()
    mine = Review.objects.filter(application__collaboration=OuterRef("pk"), reviewer=user, conflict=True)
    return _listed(
        Collaboration.objects.filter(
            Q(city__in=cities_staffed(user)) | Q(city__in=cities_audited(user)),
            documented=False,
            submitted_at__isnull=False,
            application__isnull=False,
        )
        .exclude(partner__in={hat.organisation_id for hat in user.hats})
        .exclude(Exists(mine))
    )


def _listed(rows: QuerySet[Collaboration]) -> QuerySet[Collaboration]:
    counted = (
        Review.objects.filter(
            application__collaboration=OuterRef("pk"),
            submitted_at__isnull=False,
            conflict=False,
            revision=F("application__revision"),
        )
        .order_by()
        .values("application")
        .annotate(number=Count("pk"))
        .values("number")
    )
    rows = rows.select_related("scheme_version", "partner", "agency", "challenge", "city")
    return rows.defer("scheme_version__source").annotate(reviews_in=Coalesce(Subquery(counted), 0))


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; an empty value narrows nothing."""

    scheme: str = ""
    stage: str = ""
    turn: str = ""
    words: str = ""
    late: bool = False


def narrowed(rows: QuerySet[Collaboration], wanted: Filter) -> QuerySet[Collaboration]:
    """The rows a filter leaves. ``stage`` is a stage's key, or a phase as ``phase:decision``."""
    if wanted.scheme:
        rows = rows.filter(scheme_version__key=wanted.scheme)
    if wanted.stage.startswith("phase:"):
        rows = rows.filter(_at(phase=wanted.stage.removeprefix("phase:")))
    elif wanted.stage:
        rows = rows.filter(stage=wanted.stage)
    if wanted.turn:
        rows = rows.filter(_at(turn=wanted.turn))
    if wanted.late:
        rows = rows.filter(due_on__lt=timezone.localdate(), ended_at=None)
    for word in wanted.words.split()[:5]:
        rows = rows.filter(
            Q(title__icontains=word) | Q(reference__icontains=word) | Q(partner__name__icontains=word)
        )
    return rows


def _at(*, phase: str = "", turn: str = "") -> Q:
    """Rows whose present stage has this phase or turn, for every version of every scheme."""
    wanted = Q(pk__in=[])
    for pk, stages in _stages().items():
        keys = [
            key for key, its_phase, its_turn in stages if phase in ("", its_phase) and turn in ("", its_turn)
        ]
        wanted |= Q(scheme_version=pk, stage__in=keys)
    return wanted


def _stages() -> dict[int, list[tuple[str, str, str]]]:
    return {
        version.pk: [(stage.key, stage.phase, stage.turn) for stage in version.scheme.stages]
        for version in SchemeVersion.objects.all()
    }


def applying_organisations(user: Reader) -> list[Organisation]:
    """Organisations for which the person may begin an application."""
    if not is_person(user):
        return []
    found = {
        hat.organisation_id: hat.organisation
        for hat in user.hats
        if hat.organisation.kind in ("company", "community") and hat.role in SEATS["applicant"]
    }
    return sorted(found.values(), key=lambda organisation: organisation.name)
