"""Which hats a person wears. Every other room's rules are built from these."""

from typing import TypeGuard

from django.contrib.auth.models import AnonymousUser

from balai.people.models import City, Membership, Organisation, Role, User

type Reader = User | AnonymousUser


def is_person(user: Reader | None) -> TypeGuard[User]:
    """True for a signed-in, active person."""
    return isinstance(user, User) and user.is_active


def hats_in_city(user: Reader, city: City | str, *roles: str) -> list[Membership]:
    """Memberships of the person in organisations of ``city``, narrowed to ``roles`` if given."""
    code = city if isinstance(city, str) else city.code
    if not is_person(user):
        return []
    return [h for h in user.hats if h.organisation.city_id == code and (not roles or h.role in roles)]


def hats_in(user: Reader, organisation: Organisation | None, *roles: str) -> list[Membership]:
    """Memberships of the person in one organisation, narrowed to ``roles`` if given."""
    if organisation is None or not is_person(user):
        return []
    return [h for h in user.hats if h.organisation_id == organisation.pk and (not roles or h.role in roles)]


def has_role(user: Reader, *roles: str) -> bool:
    """Whether the person wears any of ``roles`` anywhere."""
    return is_person(user) and any(h.role in roles for h in user.hats)


def organisations_of(user: Reader) -> set[object]:
    """Primary keys of the organisations the person acts for."""
    return {h.organisation_id for h in user.hats} if is_person(user) else set()


CITY_STAFF = (Role.OFFICER, Role.BUREAU, Role.TKKSD, Role.ANALYST, Role.SIGNATORY)


def is_city_staff(user: Reader, city: City | str) -> bool:
    """Whether the person works for an agency of ``city``."""
    return any(h.organisation.kind == "agency" for h in hats_in_city(user, city, *CITY_STAFF))


def cities_staffed(user: Reader) -> set[str]:
    """Codes of the cities whose agencies the person works for."""
    if not is_person(user):
        return set()
    return {
        h.organisation.city_id
        for h in user.hats
        if h.organisation.kind == "agency" and h.organisation.city_id and h.role in CITY_STAFF
    }


def cities_audited(user: Reader) -> set[str]:
    """Codes of the cities the person audits; an oversight body without a city audits them all."""
    if not is_person(user):
        return set()
    seats = [h for h in user.hats if h.role == Role.AUDITOR]
    if any(h.organisation.city_id is None for h in seats):
        return set(City.objects.values_list("code", flat=True))
    return {h.organisation.city_id for h in seats if h.organisation.city_id}
