"""Reads of challenges."""

from balai.challenges.models import Challenge
from balai.core.models import Follow
from balai.people.models import User


def need_followers(challenge: Challenge) -> list[User]:
    """Everyone who follows a need behind this challenge."""
    threads = [f"need:{pk}" for pk in challenge.needs.values_list("pk", flat=True)]
    users = Follow.objects.filter(thread__in=threads).values("user")
    return list(User.objects.filter(pk__in=users, is_active=True))
