"""Reads: open challenges first, one challenge's page, and everyone who touched a need it came from."""

from collections.abc import Sequence

from django.db.models import Case, Count, IntegerField, Prefetch, Q, QuerySet, Value, When

from balai.challenges.models import Challenge, ChallengeState
from balai.needs.models import Need, NeedState
from balai.people.models import User
from balai.people.rules import Reader


def need_followers(challenge: Challenge) -> QuerySet[User]:
    """Everyone who follows a need this challenge came from: authors, supporters, followers.

    The people of needs merged into those went along when they were merged. One query for the needs,
    one for the people. Rooms above tell them of later hops.
    """
    return User.objects.filter(is_active=True, follows__thread__in=need_threads(challenge)).distinct()


def need_threads(challenge: Challenge) -> list[str]:
    """Ledger threads of the needs a challenge came from."""
    return [f"need:{pk}" for pk in Need.objects.filter(challenges=challenge).values_list("pk", flat=True)]


def listed(
    user: Reader,
    *,
    city: str,
    dimension: str = "",
    state: str = "",
    agency: str = "",
    words: str = "",
) -> QuerySet[Challenge]:
    """Challenges the person may see, as a list row shows them; open ones first, then the newest."""
    rows = (
        Challenge.objects.visible_to(user)
        .filter(city=city)
        .select_related("agency", "indicator")
        .annotate(
            need_count=Count("needs", filter=~Q(needs__state=NeedState.HIDDEN), distinct=True),
            rank=Case(
                When(state=ChallengeState.OPEN, then=Value(0)),
                When(state=ChallengeState.DRAFT, then=Value(1)),
                When(state=ChallengeState.CLOSED, then=Value(2)),
                default=Value(3),
                output_field=IntegerField(),
            ),
        )
    )
    if dimension:
        rows = rows.filter(dimension=dimension)
    if state:
        rows = rows.filter(state=state)
    if agency:
        rows = rows.filter(agency__slug=agency)
    for word in words.split()[:8]:
        rows = rows.filter(
            Q(title__icontains=word)
            | Q(title_en__icontains=word)
            | Q(brief__icontains=word)
            | Q(brief_en__icontains=word)
        )
    return rows.order_by("rank", "-created_at", "-pk")


def with_everything(user: Reader) -> QuerySet[Challenge]:
    """One challenge as its page shows it, with its needs the reader may see and its questions."""
    return (
        Challenge.objects.visible_to(user)
        .select_related("city", "agency", "indicator")
        .prefetch_related(
            Prefetch(
                "needs", Need.objects.visible_to(user).select_related("area").order_by("-support_count")
            ),
            "questions",
        )
    )


def needs_to_pose(agency_city: str, chosen: Sequence[str] = ()) -> QuerySet[Need]:
    """Needs of a city a challenge can be posed from, most supported first."""
    open_states = [NeedState.VOICED, NeedState.ANSWERED, NeedState.CHALLENGED]
    return (
        Need.objects.filter(city=agency_city)
        .filter(Q(state__in=open_states) | Q(pk__in=list(chosen)))
        .exclude(state=NeedState.HIDDEN)
        .order_by("-support_count", "-voiced_at")
    )


def public_rows(city: str) -> QuerySet[Challenge]:
    """What the open-data export of challenges holds."""
    return (
        Challenge.objects.filter(city=city)
        .exclude(state=ChallengeState.DRAFT)
        .select_related("agency", "indicator")
        .annotate(need_count=Count("needs", filter=~Q(needs__state=NeedState.HIDDEN)))
        .order_by("opened_at", "pk")
    )
