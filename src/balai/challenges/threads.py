"""What the thread of a challenge is called and where its page is."""

from collections.abc import Mapping

from balai.challenges.models import Challenge, ChallengeState
from balai.core import threads
from balai.core.threads import ThreadInfo, uuids


def url_of(challenge: Challenge) -> str:
    """Path of the challenge's page, without language prefix."""
    return f"/tantangan/{challenge.reference}/"


def known(ids: set[str]) -> Mapping[str, ThreadInfo]:
    """Title and address of each challenge; one query."""
    rows = Challenge.objects.filter(pk__in=uuids(ids)).only("reference", "title", "title_en", "state")
    return {
        str(row.pk): ThreadInfo(
            row.title, url_of(row), title_en=row.title_en, public=row.state != ChallengeState.DRAFT
        )
        for row in rows
    }


threads.register("challenge", known)
