"""Who hears of a collaboration beyond those who follow it."""

from collections.abc import Iterable

from balai.challenges.queries import need_followers
from balai.collaborations.models import Collaboration
from balai.collaborations.queries import players
from balai.core.audiences import audience
from balai.core.models import Entry
from balai.people.models import User


@audience("collaboration.")
def those_concerned(entry: Entry) -> Iterable[User]:
    """Whoever's turn it is now, the partner, and, once public, everyone who touched its needs."""
    pk = entry.thread.partition(":")[2]
    collaboration = (
        Collaboration.objects.select_related("scheme_version", "partner", "agency", "challenge", "city")
        .filter(pk=pk)
        .first()
    )
    if collaboration is None:
        return
    stage = collaboration.scheme.stage(collaboration.stage)
    if entry.verb == "collaboration.escalated" and stage.escalate:
        yield from players(collaboration, stage.escalate)
    if stage.turn:
        yield from players(collaboration, stage.turn)
    if entry.verb == "collaboration.moved":
        yield from players(collaboration, "applicant")
        if entry.public and collaboration.challenge is not None:
            yield from need_followers(collaboration.challenge)
