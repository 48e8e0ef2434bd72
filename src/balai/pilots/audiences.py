from collections.abc import Iterable

from balai.collaborations.models import Collaboration
from balai.collaborations.queries import players
from balai.core.audiences import audience
from balai.core.models import Entry
from balai.people.models import User


@audience("pilot.", "evaluation.", "effect.")
def both_sides(entry: Entry) -> Iterable[User]:
    """The partner and the agency hear of everything in their pilot; the bureau of incidents."""
    collaboration = (
        Collaboration.objects.select_related("partner", "agency", "city")
        .filter(pk=entry.thread.partition(":")[2])
        .first()
    )
    if collaboration is None:
        return
    yield from players(collaboration, "applicant")
    yield from players(collaboration, "agency")
    if entry.verb.startswith("pilot.incident"):
        yield from players(collaboration, "bureau")
