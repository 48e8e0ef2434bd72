"""What the thread of an agreement without a collaboration is called and where its page is."""

from collections.abc import Mapping

from balai.agreements.models import Agreement, AgreementState
from balai.core import threads
from balai.core.threads import ThreadInfo, uuids


def known(ids: set[str]) -> Mapping[str, ThreadInfo]:
    """Title and address of each agreement; one query."""
    return {
        str(a.pk): ThreadInfo(
            a.title,
            f"/perjanjian/{a.pk}/",
            title_en=a.title_en,
            public=a.documented or a.state == AgreementState.SEALED,
        )
        for a in Agreement.objects.filter(pk__in=uuids(ids)).only("title", "title_en", "documented", "state")
    }


threads.register("agreement", known)
