"""What the city's own thread of an application is called and where its page is."""

from collections.abc import Mapping
from uuid import UUID

from balai.applications.models import Application
from balai.core import threads
from balai.core.threads import ThreadInfo


def known(ids: set[str]) -> Mapping[str, ThreadInfo]:
    """Title and address of each application; one query. Never public."""
    keys = {text for text in ids if _is_uuid(text)}
    rows = Application.objects.filter(pk__in=keys).select_related("collaboration")
    return {
        str(row.pk): ThreadInfo(
            row.collaboration.title,
            f"/permohonan/{row.collaboration.reference}/",
            title_en=row.collaboration.title_en,
            public=False,
        )
        for row in rows
    }


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


threads.register("application", known)
