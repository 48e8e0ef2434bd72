"""Who hears of a challenge beyond those who follow it."""

from collections.abc import Iterable

from balai.challenges.models import Challenge
from balai.challenges.queries import need_followers
from balai.core.audiences import audience
from balai.core.models import Entry
from balai.people.models import Role, User


@audience("challenge.closed", "challenge.ended", "challenge.extended")
def people_of_its_needs(entry: Entry) -> Iterable[User]:
    """Everyone who touched a need it came from; of the opening they hear on the need's own thread."""
    challenge = _challenge_of(entry)
    return need_followers(challenge) if challenge else []


@audience("challenge.asked")
def those_who_answer(entry: Entry) -> Iterable[User]:
    """The officers of the agency that posed it."""
    challenge = _challenge_of(entry)
    if challenge is None:
        return []
    return User.objects.filter(
        is_active=True,
        memberships__ended_at=None,
        memberships__role=Role.OFFICER,
        memberships__organisation=challenge.agency_id,
    ).distinct()


def _challenge_of(entry: Entry) -> Challenge | None:
    return Challenge.objects.filter(pk=entry.thread.partition(":")[2]).first()
