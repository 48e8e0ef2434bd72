"""What the city's own thread of an application is called and where its page is."""

from collections.abc import Mapping

from balai.applications.models import Application
from balai.core import threads
from balai.core.threads import ThreadInfo, uuids


def known(ids: set[str]) -> Mapping[str, ThreadInfo]:
    """Title and address of each application; one query. Never public."""
    rows = Application.objects.filter(pk__in=uuids(ids)).select_related("collaboration")
    return {
        str(row.pk): ThreadInfo(
            row.collaboration.title,
            f"/permohonan/{row.collaboration.reference}/",
            title_en=row.collaboration.title_en,
            public=False,
        )
        for row in rows
    }


threads.register("application", known)
