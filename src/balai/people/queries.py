"""Reads: seats, invitations, addresses, keys."""

from hashlib import sha256

from allauth.account.models import EmailAddress
from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.utils import timezone

from balai.people.models import ApiKey, City, Invitation, Membership, Organisation, User
from balai.people.organisations import MANAGERS
from balai.people.rules import Reader, is_person


def verified_addresses(user: Reader) -> set[str]:
    """The person's confirmed e-mail addresses, in lower case. One query."""
    if not is_person(user):
        return set()
    rows = EmailAddress.objects.filter(user=user, verified=True).values_list("email", flat=True)
    return {address.lower() for address in rows}


def members_of(organisation: Organisation) -> QuerySet[Membership]:
    """Seats that are taken now, with the people in them."""
    return (
        organisation.memberships.filter(ended_at=None, user__is_active=True)
        .select_related("user", "organisation")
        .order_by("user__name", "role", "pk")
    )


def open_invitations() -> QuerySet[Invitation]:
    """Invitations that can still be accepted."""
    return Invitation.objects.filter(
        accepted_at=None, revoked_at=None, expires_at__gt=timezone.now(), organisation__active=True
    )


def invitations_of(organisation: Organisation) -> QuerySet[Invitation]:
    """Invitations of the organisation that wait for an answer, the newest first."""
    return open_invitations().filter(organisation=organisation).order_by("-created_at", "pk")


def invitations_for(user: Reader) -> QuerySet[Invitation]:
    """Invitations to one of the person's confirmed addresses. One query."""
    if not is_person(user):
        return Invitation.objects.none()
    addresses = EmailAddress.objects.filter(user=user, verified=True).values("email")
    return (
        open_invitations()
        .filter(email__in=addresses)
        .select_related("organisation")
        .order_by("expires_at", "pk")
    )


def invitation_by_token(token: str) -> Invitation | None:
    """The invitation this token belongs to, whatever became of it."""
    digest = sha256(token.encode(errors="replace")).hexdigest()
    return Invitation.objects.select_related("organisation").filter(token_sha256=digest).first()


def keys_of(user: User) -> QuerySet[ApiKey]:
    """The person's API keys that were not revoked, the newest first."""
    return user.api_keys.filter(revoked_at=None).order_by("-created_at", "pk")


def hosted_cities() -> QuerySet[City]:
    """Cities that run their collaborations on this hub."""
    return City.objects.filter(hosted=True).order_by("name")


def demo_people() -> list[User]:
    """Demonstration accounts with their seats, for the one-click page. Two queries."""
    seats = Membership.objects.filter(ended_at=None).select_related("organisation__city").order_by("pk")
    return list(
        User.objects.filter(is_demo=True, is_active=True)
        .prefetch_related(Prefetch("memberships", seats, to_attr="seats_now"))
        .order_by("pk")
    )


def only_manager_of(user: User) -> QuerySet[Organisation]:
    """Organisations that nobody else runs."""
    others = (
        Membership.objects.filter(
            organisation=OuterRef("pk"), role__in=MANAGERS, ended_at=None, user__is_active=True
        )
        .exclude(user=user)
        .values("pk")
    )
    return (
        Organisation.objects.filter(
            active=True,
            memberships__user=user,
            memberships__role__in=MANAGERS,
            memberships__ended_at=None,
        )
        .exclude(Exists(others))
        .distinct()
    )
