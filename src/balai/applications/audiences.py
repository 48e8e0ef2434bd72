"""Who hears of the city's own work on an application. Never the partner: it hears of moves only."""

from collections.abc import Iterable

from balai.applications.models import Application
from balai.applications.queries import counted_reviews
from balai.collaborations.queries import players
from balai.core.audiences import audience
from balai.core.models import Entry
from balai.people.models import User


@audience("review.submitted")
def bureau_when_complete(entry: Entry) -> Iterable[User]:
    """The cooperation bureau hears once enough reviews are in to close the review."""
    application = (
        Application.objects.select_related(
            "collaboration__scheme_version",
            "collaboration__partner",
            "collaboration__agency",
            "collaboration__city",
        )
        .filter(pk=entry.thread.partition(":")[2])
        .first()
    )
    if application is None:
        return
    collaboration = application.collaboration
    if len(counted_reviews(application)) >= collaboration.scheme.limits["reviews"]:
        yield from players(collaboration, "bureau")
