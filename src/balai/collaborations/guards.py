"""Questions this room can answer itself."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from balai.challenges.models import ChallengeState
from balai.collaborations.models import Collaboration
from balai.collaborations.registry import guard
from balai.core.rules import YES, Verdict, no


@guard(
    "agency.named",
    text=gettext_lazy("An agency owns the problem"),
    source=gettext_lazy("ours"),
    lifted_by=gettext_lazy("the partner, by naming the agency"),
)
def agency_named(collaboration: Collaboration) -> Verdict:
    if collaboration.agency_id:
        return YES
    return no(_("No agency (OPD) is named yet. Name the agency this is meant for."))


@guard(
    "challenge.linked",
    text=gettext_lazy("It answers a challenge of the city"),
    source=gettext_lazy("source document: Co-Develop answers challenges of the provincial government"),
    lifted_by=gettext_lazy("the partner, by choosing an open challenge"),
)
def challenge_linked(collaboration: Collaboration) -> Verdict:
    challenge = collaboration.challenge
    if challenge is None:
        return no(_("Co-Develop answers a challenge of the city. Begin from an open challenge."))
    if challenge.state == ChallengeState.DRAFT:
        return no(_("The challenge is not open."))
    return YES
