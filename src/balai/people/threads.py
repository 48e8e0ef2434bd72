"""What an organisation's thread is called and where its page is."""

from collections.abc import Mapping

from balai.core import threads
from balai.core.threads import ThreadInfo, uuids
from balai.people.models import Organisation


def url_of(organisation: Organisation) -> str:
    """Path of the public page where there is one, else of the members' page; without language prefix."""
    return f"/mitra/{organisation.slug}/" if organisation.listed else f"/organisasi/{organisation.slug}/"


def known(ids: set[str]) -> Mapping[str, ThreadInfo]:
    """Name and address of each organisation; one query."""
    rows = Organisation.objects.filter(pk__in=uuids(ids)).only("slug", "name", "listed")
    return {str(row.pk): ThreadInfo(row.name, url_of(row), public=row.listed) for row in rows}


threads.register("organisation", known)
