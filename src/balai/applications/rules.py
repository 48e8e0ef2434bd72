"""Who may do what with an application, and who sees which part of it, when.

`MATRIX` is the whole of visibility; nothing else in the hub decides it. Pages and API ask `sight`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from balai.applications.models import Application, Decision, Review
from balai.collaborations.models import Collaboration
from balai.collaborations.rules import hat_for, is_partner
from balai.core.rules import YES, Verdict, no
from balai.people.models import Membership, Organisation, User
from balai.people.rules import Reader, cities_audited, is_city_staff, is_person

ANSWERS = "answers"
FILES = "files"
CHECKS = "checks"
REMARKS = "remarks"
"""What has to be put right: the failed lines of the checklist."""
REVIEWS = "reviews"
"""Submitted reviews with comments and scores; never drafts of another."""
NAMES = "names"
"""Who reviewed."""
DECISION = "decision"
"""Grounds and conditions."""

CLOSED = gettext_lazy(
    "This application is open to its partner, to city staff without a conflict, and to auditors."
)

PARTNER = "partner"
BUREAU = "bureau"
REVIEWER = "reviewer"
REVIEWER_DONE = "reviewer_done"
AGENCY = "agency"
STAFF = "staff"
AUDITOR = "auditor"
CONFLICTED = "conflicted"
PUBLIC = "public"

DRAFT = "draft"
SUBMITTED = "submitted"
RETURNED = "returned"
DECIDED = "decided"
DECIDED_PUBLIC = "decided_public"

_FORM = frozenset({ANSWERS, FILES})
_CHECKED = _FORM | {CHECKS, REMARKS}
_ALL = _CHECKED | {REVIEWS, NAMES}
_NONE: frozenset[str] = frozenset()


def _city(before: frozenset[str], after: frozenset[str] | None = None) -> Mapping[str, frozenset[str]]:
    decided = (before if after is None else after) | {DECISION}
    return {
        DRAFT: _NONE,
        SUBMITTED: before,
        RETURNED: before,
        DECIDED: decided,
        DECIDED_PUBLIC: decided,
    }


MATRIX: Mapping[str, Mapping[str, frozenset[str]]] = {
    PARTNER: {
        DRAFT: _FORM,
        SUBMITTED: _FORM,
        RETURNED: _FORM | {REMARKS},
        DECIDED: _FORM | {DECISION},
        DECIDED_PUBLIC: _FORM | {DECISION},
    },
    BUREAU: _city(_ALL),
    REVIEWER: _city(_CHECKED),
    REVIEWER_DONE: _city(_ALL),
    AGENCY: _city(_CHECKED),
    STAFF: _city(_FORM),
    AUDITOR: _city(_ALL),
    CONFLICTED: _city(_NONE),
    PUBLIC: {
        DRAFT: _NONE,
        SUBMITTED: _NONE,
        RETURNED: _NONE,
        DECIDED: _NONE,
        DECIDED_PUBLIC: frozenset({DECISION}),
    },
}
"""hat -> state of the application -> the parts that may be read."""


def state_of(collaboration: Collaboration) -> str:
    """The column of the matrix an application stands in."""
    if collaboration.submitted_at is None:
        return DRAFT
    decided = Decision.objects.filter(application__collaboration=collaboration).exists()
    if decided:
        return DECIDED_PUBLIC if collaboration.public_since else DECIDED
    return RETURNED if is_editable(collaboration) else SUBMITTED


def hat_of(user: Reader, application: Application) -> str:
    """The row of the matrix a person stands in: the partner's side first, then conflicts, then the city's."""
    collaboration = application.collaboration
    if not is_person(user):
        return PUBLIC
    if is_partner(user, collaboration):
        return PARTNER
    staff = is_city_staff(user, collaboration.city_id)
    audits = collaboration.city_id in cities_audited(user)
    if not staff and not audits:
        return PUBLIC
    if staff and conflict_of(user, application):
        return CONFLICTED
    if hat_for(user, collaboration, "bureau"):
        return BUREAU
    if audits:
        return AUDITOR
    if hat_for(user, collaboration, "tkksd"):
        own = application.reviews.filter(reviewer=user, submitted_at__isnull=False)
        return REVIEWER_DONE if own.exists() else REVIEWER
    return AGENCY if hat_for(user, collaboration, "agency") else STAFF


@dataclass(frozen=True, slots=True)
class Standpoint:
    """From where a person looks at an application, and the parts they may read from there."""

    hat: str
    state: str

    @property
    def parts(self) -> frozenset[str]:
        return MATRIX[self.hat][self.state]


def standpoint(user: Reader, application: Application) -> Standpoint:
    """The cell of the matrix this person and this application meet in now."""
    return Standpoint(hat_of(user, application), state_of(application.collaboration))


def sight(user: Reader, application: Application) -> frozenset[str]:
    """The parts of this application the person may read now."""
    return standpoint(user, application).parts


def readable_answers(application: Application, hat: str) -> dict[str, Any]:
    """The answers as a reader in this hat finds them: while the partner completes a returned application,
    everybody else reads it as it was submitted."""
    if hat != PARTNER and application.shown is not None and is_editable(application.collaboration):
        return dict(application.shown)
    return dict(application.answers)


def may_read(user: Reader, application: Application) -> Verdict:
    """Whether the person may open the application at all."""
    if ANSWERS in sight(user, application):
        return YES
    return no(
        _("This application is open to its partner, to city staff without a conflict, and to auditors.")
    )


def may_look(user: Reader, collaboration: Collaboration) -> Verdict:
    """Whether the person may read what is not public yet of a collaboration that others of the city judge.

    Whoever has a conflict knows that it exists and, in the end, what was decided. Costs queries for the
    city's staff only.
    """
    if collaboration.public_since or collaboration.ended_at:
        return YES
    if not is_person(user) or is_partner(user, collaboration):
        return YES
    if not is_city_staff(user, collaboration.city_id):
        return YES
    declared = Review.objects.filter(
        application__collaboration=collaboration, reviewer=user, conflict=True
    ).exists()
    return no(CLOSED) if declared or detected_conflict(user, collaboration.partner) else YES


def is_editable(collaboration: Collaboration) -> bool:
    """Whether the form is with the applicant: a draft, or returned for completion."""
    stage = collaboration.scheme.stage(collaboration.stage)
    return stage.phase == "application" and stage.turn == "applicant"


def may_edit(user: Reader, collaboration: Collaboration) -> Verdict:
    if not hat_for(user, collaboration, "applicant"):
        return no(_("Only the partner's own people can change this application."))
    if not is_editable(collaboration):
        return no(_("The application is with the city now and cannot be changed."))
    return YES


def is_screened_now(collaboration: Collaboration) -> bool:
    """Whether the checklist is the thing to do: submitted, and the cooperation bureau's turn."""
    stage = collaboration.scheme.stage(collaboration.stage)
    return stage.phase == "application" and stage.turn == "bureau"


def may_screen(user: Reader, collaboration: Collaboration) -> Verdict:
    if not hat_for(user, collaboration, "bureau"):
        return no(_("Only the cooperation bureau fills in the checklist."))
    if not is_screened_now(collaboration):
        return no(_("The administrative check is not open now."))
    return YES


def is_reviewed_now(collaboration: Collaboration) -> bool:
    return collaboration.scheme.stage(collaboration.stage).turn == "tkksd"


def may_review(user: Reader, application: Application) -> Verdict:
    """A member of the city's TKKSD without a conflict, while the review is open."""
    collaboration = application.collaboration
    if not is_person(user) or not hat_for(user, collaboration, "tkksd"):
        return no(_("Only members of the cooperation team (TKKSD) review, and never for their own firm."))
    if conflict := conflict_of(user, application):
        return no(conflict)
    if not is_reviewed_now(collaboration):
        return no(_("The review is not open now."))
    return YES


def may_declare(user: Reader, application: Application) -> Verdict:
    """A member of the TKKSD may declare a conflict from submission until the decision."""
    collaboration = application.collaboration
    if not is_person(user) or not hat_for(user, collaboration, "tkksd"):
        return no(_("Only members of the cooperation team (TKKSD) review, and never for their own firm."))
    if state_of(collaboration) not in (SUBMITTED, RETURNED) or collaboration.ended_at:
        return no(_("There is nothing to review now."))
    return YES


def conflict_of(user: Reader, application: Application) -> str:
    """Why the person must keep away: declared, or found in the records. Empty text if nothing is known."""
    if not is_person(user):
        return ""
    if Review.objects.filter(application=application, reviewer=user, conflict=True).exists():
        return _("You declared a conflict of interest, so you take no part.")
    return detected_conflict(user, application.collaboration.partner)


def detected_conflict(user: User, partner: Organisation) -> str:
    """A conflict the records show: a seat at the partner, now or earlier, or a mail address of its domain."""
    if Membership.objects.filter(user=user, organisation=partner).exists():
        return _("You act or acted for this partner, so you take no part.")
    if domain_of(user.email) and domain_of(user.email) == host_of(partner.website):
        return _("Your mail address belongs to this partner's domain, so you take no part.")
    return ""


def domain_of(email: str | None) -> str:
    return (email or "").rpartition("@")[2].lower().rstrip(".")


def host_of(website: str) -> str:
    """The domain of a web address, without ``www.``; empty if there is none."""
    try:
        host = urlsplit(website).hostname or ""
    except ValueError:
        return ""
    return host.lower().rstrip(".").removeprefix("www.")
