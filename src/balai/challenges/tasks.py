"""What comes round for challenges."""

from django.tasks import task
from django.utils import timezone

from balai.challenges.actions import close_challenge
from balai.challenges.models import Challenge, ChallengeState
from balai.core.errors import BalaiError
from balai.core.periodic import every


@every(hours=1)
@task
def close_past_challenges() -> None:
    """Close what is past its closing day; one that somebody closed meanwhile is left as it is."""
    past = Challenge.objects.filter(state=ChallengeState.OPEN, closes_on__lt=timezone.localdate())
    for challenge in past.select_related("agency"):
        try:
            close_challenge(challenge=challenge, by=None)
        except BalaiError:
            continue
