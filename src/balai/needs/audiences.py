"""Who hears of a need beyond those who follow it."""

from collections.abc import Iterable

from django.db.models import Q

from balai.core.audiences import audience
from balai.core.models import Entry
from balai.needs.models import Need, NeedState
from balai.people.models import Role, User
from balai.people.rules import cities_audited, cities_staffed


def desk(need: Need) -> Iterable[User]:
    """Who should answer: its agency's officers; while it has none, the city's bureau and analysts."""
    people = User.objects.filter(is_active=True, memberships__ended_at=None)
    if need.agency_id:
        people = people.filter(memberships__organisation=need.agency_id, memberships__role__in=[Role.OFFICER])
    else:
        people = people.filter(
            memberships__organisation__city=need.city_id,
            memberships__organisation__kind="agency",
            memberships__role__in=[Role.BUREAU, Role.ANALYST],
        )
    return people.distinct()


@audience("need.voiced", "need.assigned", "need.overdue", "need.reopened")
def those_to_answer(entry: Entry) -> Iterable[User]:
    """Whoever has to answer the need now."""
    need = _need_of(entry)
    return desk(need) if need else []


@audience("need.hidden", "need.shown")
def author_and_followers_who_may_see(entry: Entry) -> Iterable[User]:
    """The author, and followers from the city's staff; a hidden need is not shown to others."""
    need = _need_of(entry)
    if need is None:
        return
    if need.author is not None:
        yield need.author
    followers = User.objects.filter(is_active=True, follows__thread=entry.thread)
    if need.state != NeedState.HIDDEN:
        yield from followers
        return
    for person in followers.filter(Q(memberships__ended_at=None)).distinct():
        if need.city_id in cities_staffed(person) | cities_audited(person):
            yield person


def _need_of(entry: Entry) -> Need | None:
    return Need.objects.select_related("author").filter(pk=entry.thread.partition(":")[2]).first()
