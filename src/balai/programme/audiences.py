"""Who is told of evaluations."""

from collections.abc import Iterable

from balai.core.audiences import audience
from balai.core.models import Entry
from balai.people.models import Role, User
from balai.programme.models import Evaluation


@audience("assessment.appointed")
def the_assessor(entry: Entry) -> Iterable[User]:
    """The person who is to judge."""
    return User.objects.filter(pseudonym=entry.facts["assessor"], is_active=True)


@audience("assessment.opened", "assessment.closed")
def the_city(entry: Entry) -> Iterable[User]:
    """Those who keep the city's figures."""
    evaluation = Evaluation.objects.filter(pk=entry.thread.partition(":")[2]).first()
    if evaluation is None:
        return []
    return User.objects.filter(
        memberships__organisation__city=evaluation.city_id,
        memberships__organisation__active=True,
        memberships__role__in=(Role.ANALYST, Role.BUREAU),
        memberships__ended_at=None,
        is_active=True,
    ).distinct()
