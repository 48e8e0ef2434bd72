"""Who may give, change and end a seat. A seat for the whole city needs an office that carries it."""

from contextlib import suppress

from django.utils.translation import gettext_lazy as _

from balai.core.rules import YES, Verdict, no
from balai.people.models import ROLES_OF_KIND, Membership, Organisation, OrganisationKind, Role, User
from balai.people.rules import Reader, hats_in, is_person

MANAGERS = (Role.ADMIN, Role.FOUNDER)
"""Roles that run an organisation: invite, change, end seats."""

CITY_WIDE = frozenset({Role.BUREAU, Role.TKKSD, Role.ANALYST, Role.SIGNATORY})
"""Roles of an agency that act for the whole city. Only an agency that carries the office seats them, so
that the administrator of one department cannot appoint the city's cooperation bureau."""

OPEN_KINDS = (OrganisationKind.COMPANY, OrganisationKind.COMMUNITY)
"""Kinds anyone may register; agencies, ministries and oversight bodies are set up by the hub's operator."""


def roles_offered(organisation: Organisation) -> list[Role]:
    """The roles this organisation may seat, in the order of `Role`."""
    allowed = ROLES_OF_KIND[organisation.kind]
    if organisation.kind == OrganisationKind.AGENCY:
        allowed = (allowed - CITY_WIDE) | (allowed & CITY_WIDE & set(organisation.offices))
    return [role for role in Role if role in allowed]


def is_manager(user: Reader, organisation: Organisation) -> bool:
    """Whether the person runs the organisation."""
    return bool(hats_in(user, organisation, *MANAGERS))


def is_member(user: Reader, organisation: Organisation) -> bool:
    """Whether the person has any seat in the organisation."""
    return bool(hats_in(user, organisation))


def may_manage(user: Reader, organisation: Organisation) -> Verdict:
    """Only its administrators and founders run an organisation."""
    if is_manager(user, organisation):
        return YES
    return no(_("Only an administrator or founder of this organisation may do this."))


def may_grant(user: Reader, organisation: Organisation, role: str) -> Verdict:
    """Whether the person may seat somebody, or themselves, in ``role``."""
    if not (verdict := may_manage(user, organisation)):
        return verdict
    return may_seat(organisation, role)


def may_seat(organisation: Organisation, role: str) -> Verdict:
    """Whether the organisation has such a seat at all."""
    if role in roles_offered(organisation):
        return YES
    if organisation.kind == OrganisationKind.AGENCY and role in CITY_WIDE:
        return no(
            _(
                "This agency does not carry that office, so it has no such seat. "
                "The operator of the hub can assign the office."
            )
        )
    return no(_("An organisation of this kind has no such role."))


def may_end(user: Reader, membership: Membership) -> Verdict:
    """Managers end any seat of their organisation; everybody may leave their own."""
    if is_person(user) and membership.user_id == user.pk:
        return YES
    return may_manage(user, membership.organisation)


def forget_hats(*people: User) -> None:
    """Read these people's seats anew next time. Reaches through the request's lazy user as well."""
    for person in people:
        with suppress(AttributeError):
            del person.hats
