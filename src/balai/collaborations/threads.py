"""What the thread of a collaboration is called and where its page is."""

from collections.abc import Mapping

from balai.collaborations.models import Collaboration
from balai.core import threads
from balai.core.threads import ThreadInfo, uuids


def url_of(collaboration: Collaboration) -> str:
    """Path of the collaboration's page, without language prefix."""
    return f"/kolaborasi/{collaboration.reference}/"


def known(ids: set[str]) -> Mapping[str, ThreadInfo]:
    """Title and address of each collaboration; one query."""
    rows = Collaboration.objects.filter(pk__in=uuids(ids)).only(
        "reference", "title", "title_en", "public_since"
    )
    return {
        str(row.pk): ThreadInfo(
            row.title, url_of(row), title_en=row.title_en, public=row.public_since is not None
        )
        for row in rows
    }


threads.register("collaboration", known)
