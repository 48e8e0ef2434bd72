"""What the thread of a need is called and where its page is."""

from collections.abc import Mapping

from balai.core import threads
from balai.core.threads import ThreadInfo, uuids
from balai.needs.models import Need, NeedState


def url_of(need: Need) -> str:
    """Path of the need's page, without language prefix."""
    return f"/kebutuhan/{need.reference}/"


def known(ids: set[str]) -> Mapping[str, ThreadInfo]:
    """Title and address of each need; one query. A hidden one is called by its number only."""
    return {
        str(need.pk): ThreadInfo(need.title, url_of(need))
        if need.state != NeedState.HIDDEN
        else ThreadInfo(need.reference, url_of(need), public=False)
        for need in Need.objects.filter(pk__in=uuids(ids)).only("reference", "title", "state")
    }


threads.register("need", known)
