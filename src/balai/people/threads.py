"""What an organisation's thread is called and where its page is."""

from collections.abc import Mapping
from uuid import UUID

from balai.core import threads
from balai.core.threads import ThreadInfo
from balai.people.models import Organisation


def url_of(organisation: Organisation) -> str:
    """Path of the public page where there is one, else of the members' page; without language prefix."""
    return f"/mitra/{organisation.slug}/" if organisation.listed else f"/organisasi/{organisation.slug}/"


def known(ids: set[str]) -> Mapping[str, ThreadInfo]:
    """Name and address of each organisation; one query."""
    keys = {text for text in ids if _is_uuid(text)}
    rows = Organisation.objects.filter(pk__in=keys).only("slug", "name", "listed")
    return {str(row.pk): ThreadInfo(row.name, url_of(row), public=row.listed) for row in rows}


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


threads.register("organisation", known)
