"""What the clock does for signing. Safe to run twice."""

from django.tasks import task

from balai.agreements import signing_rounds
from balai.core.periodic import every


@every(hours=1)
@task
def watch_signing() -> tuple[int, int]:
    """Close the rounds that are over, remind of those that end soon; returns both counts."""
    return signing_rounds.expire(), signing_rounds.remind()
