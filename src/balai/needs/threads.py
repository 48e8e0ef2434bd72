"""What the thread of a need is called and where its page is."""

from collections.abc import Mapping
from uuid import UUID

from balai.core import threads
from balai.core.threads import ThreadInfo
from balai.needs.models import Need, NeedState


def url_of(need: Need) -> str:
    """Path of the need's page, without language prefix."""
    return f"/kebutuhan/{need.reference}/"


def known(ids: set[str]) -> Mapping[str, ThreadInfo]:
    """Title and address of each need; one query."""
    keys = {text for text in ids if _is_uuid(text)}
    return {
        str(need.pk): ThreadInfo(need.title, url_of(need), public=need.state != NeedState.HIDDEN)
        for need in Need.objects.filter(pk__in=keys).only("reference", "title", "state")
    }


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


threads.register("need", known)
