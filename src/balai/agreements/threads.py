"""What the thread of an agreement without a collaboration is called and where its page is."""

from collections.abc import Mapping
from uuid import UUID

from balai.agreements.models import Agreement, AgreementState
from balai.core import threads
from balai.core.threads import ThreadInfo


def known(ids: set[str]) -> Mapping[str, ThreadInfo]:
    """Title and address of each agreement; one query."""
    keys = {text for text in ids if _is_uuid(text)}
    return {
        str(a.pk): ThreadInfo(
            a.title,
            f"/perjanjian/{a.pk}/",
            title_en=a.title_en,
            public=a.documented or a.state == AgreementState.SEALED,
        )
        for a in Agreement.objects.filter(pk__in=keys).only("title", "title_en", "documented", "state")
    }


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


threads.register("agreement", known)
