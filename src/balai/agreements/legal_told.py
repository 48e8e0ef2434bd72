"""Who hears of the legal path, where its page is, and the clocks that remind once and escalate once."""

import datetime as dt
from collections.abc import Iterable, Mapping

from django.db import IntegrityError, transaction
from django.tasks import task
from django.utils import timezone

from balai.agreements.legal import hat_of, held, note, subject_of_case
from balai.agreements.legal_path import CHAIR, Step
from balai.agreements.legal_standing import PathStanding, StepStanding, standing_of
from balai.agreements.models import (
    Agreement,
    AgreementKind,
    AgreementState,
    Discussion,
    LegalCase,
    LegalReminder,
)
from balai.agreements.stops import Subject
from balai.collaborations.models import Collaboration
from balai.collaborations.queries import players
from balai.collaborations.registry import SEATS
from balai.core import threads
from balai.core.audiences import audience
from balai.core.models import Entry
from balai.core.periodic import every
from balai.core.threads import ThreadInfo
from balai.people.models import User

TOLD: dict[str, tuple[str, ...]] = {
    "legal.settled": ("bureau", "agency", "applicant"),
    "legal.withdrawn": ("bureau", "agency", "applicant"),
    "legal.filed": ("bureau",),
    "legal.council_answered": ("bureau", "agency", "applicant", "city_signatory"),
    "legal.council_approved": ("bureau", "agency", "applicant", "city_signatory"),
    "legal.council_withdrawn": ("bureau", "agency", "applicant", "city_signatory"),
    "legal.discussion_requested": ("members", "applicant", "agency"),
    "legal.discussion_paused": ("applicant",),
    "legal.discussion_resumed": ("members", "bureau"),
    "legal.discussion_closed": ("members", "bureau", "agency", "applicant"),
    "legal.opinion": ("chair", "bureau"),
}


@audience("legal.")
def those_concerned(entry: Entry) -> Iterable[User]:
    """The desks a step lies on or moves to; of opinions only the city's own."""
    pk = entry.subject.partition(":")[2]
    if not pk.isdecimal() or not entry.subject.startswith("legal:"):
        return
    case = LegalCase.objects.select_related(
        "collaboration__scheme_version", "collaboration__partner", "collaboration__agency", "agreement"
    ).filter(pk=int(pk))
    for found in case:
        to = entry.facts.get("to")
        for role in TOLD.get(entry.verb, (str(to),) if to else ()):
            yield from people_of(found, role)


def people_of(case: LegalCase, role: str) -> list[User]:
    """Who sits at a desk: a role, or ``chair`` and ``members`` of the newest discussion."""
    subject = subject_of_case(case)
    if role in (CHAIR, "members"):
        discussion = Discussion.objects.filter(case=case).first()
        seats = discussion.members.select_related("user") if discussion else ()
        return [seat.user for seat in seats if seat.user.is_active and (seat.chair or role != CHAIR)]
    if isinstance(subject, Collaboration):
        return players(subject, role)
    people = User.objects.filter(
        is_active=True, memberships__ended_at=None, memberships__role__in=SEATS[role]
    ).distinct()
    return [person for person in people if hat_of(person, subject, role)]


def known(ids: set[str]) -> Mapping[str, ThreadInfo]:
    """The page of each path; one query. What is on this thread is the city's own: never public."""
    rows = LegalCase.objects.filter(pk__in=[int(i) for i in ids if i.isdecimal() and len(i) < 19])
    found = {}
    for case in rows.select_related("collaboration", "agreement"):
        subject = subject_of_case(case)
        found[str(case.pk)] = ThreadInfo(
            subject.title, address_of(subject), title_en=subject.title_en, public=False
        )
    return found


def address_of(subject: Subject) -> str:
    """Where the path of a collaboration or memorandum is shown."""
    if isinstance(subject, Collaboration):
        return f"/kolaborasi/{subject.reference}/jalur-hukum/"
    return f"/perjanjian/{subject.pk}/jalur-hukum/"


threads.register("legal", known)


@every(hours=2)
@task
def watch_legal_clocks() -> int:
    """Remind the desk before a step is due, tell the next desk when it is late; how many were told."""
    today = timezone.localdate()
    open_now = Collaboration.objects.filter(ended_at=None, documented=False, submitted_at__isnull=False)
    told = sum(
        remind(subject, today)
        for subject in open_now.select_related("scheme_version", "partner", "agency").order_by("pk")
    )
    live = (AgreementState.DRAFTING, AgreementState.SIGNING, AgreementState.SEALED)
    memoranda = Agreement.objects.filter(
        collaboration=None, kind=AgreementKind.MOU, documented=False, state__in=live
    )
    return told + sum(remind(subject, today) for subject in memoranda.order_by("pk"))


def remind(subject: Subject, today: dt.date) -> int:
    """Tell of every step of one subject that is due or late: once a level and due day, the highest only."""
    standing = standing_of(subject, today=today)
    return sum(_tell(subject, standing, row, level) for row in standing.open if (level := level_of(row)) >= 0)


def level_of(row: StepStanding) -> int:
    """-1 while nothing is to be said, 0 for the reminder, n for the n-th escalation."""
    clock = row.clock
    if clock is None or clock.due_on is None or clock.left is None:
        return -1
    reached = [n for n, step in enumerate(row.step.escalations, 1) if clock.over >= step.over]
    return max(reached, default=0 if clock.left <= row.step.remind else -1)


def _tell(subject: Subject, standing: PathStanding, row: StepStanding, level: int) -> int:
    assert row.clock is not None
    assert row.clock.due_on is not None
    to = _next_desk(standing, row.step, row.desk, level)
    try:
        with transaction.atomic():
            case = standing.case or held(subject)
            __, first = LegalReminder.objects.get_or_create(
                case=case,
                step=row.step.key,
                level=level,
                due_on=row.clock.due_on,
                defaults={"at": timezone.now()},
            )
            if not first:
                return 0
            data = {
                "step": row.step.key,
                "level": level,
                "to": to,
                "due": row.clock.due_on.isoformat(),
                "over": row.clock.over,
            }
            verb = "legal.escalated" if level else "legal.reminded"
            note(case, verb, None, "", public=False, data=data)
    except IntegrityError:  # another worker was first
        return 0
    return 1


def _next_desk(standing: PathStanding, step: Step, desk: str, level: int) -> str:
    if level:
        to = step.escalations[level - 1].to
        return to if to != CHAIR or standing.discussion else "bureau"
    discussed = standing.discussion is not None and standing.discussion.closed_at is None
    return "members" if step.fact == "discussion.agreed" and discussed else desk
