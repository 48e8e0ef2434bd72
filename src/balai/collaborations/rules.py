"""Who may move a collaboration, and in which hat."""

from django.utils.translation import gettext as _

from balai.collaborations.models import Collaboration
from balai.collaborations.registry import ROLES, SEATS
from balai.collaborations.schemes import Move
from balai.core.rules import YES, Verdict, no
from balai.people.models import Membership
from balai.people.rules import Reader, cities_audited, hats_in, hats_in_city, is_city_staff, is_person


def hat_for(user: Reader, collaboration: Collaboration, role: str) -> Membership | None:
    """The membership in which the person plays ``role`` in this collaboration, if any.

    Nobody plays a role of the city in a collaboration of a firm they themselves act for, and nobody any
    role in one that is history: what published sources say of it is not changed by its parties.
    """
    if collaboration.documented:
        return None
    seats = SEATS[role]
    if role in ("applicant", "partner_signatory"):
        hats = hats_in(user, collaboration.partner, *seats)
    elif is_partner(user, collaboration):
        hats = []
    elif role == "agency":
        hats = hats_in(user, collaboration.agency, *seats)
    else:
        hats = [
            hat
            for hat in hats_in_city(user, collaboration.city_id, *seats)
            if hat.organisation.kind == "agency"
        ]
    return hats[0] if hats else None


def is_partner(user: Reader, collaboration: Collaboration) -> bool:
    """Whether the person acts for the partner."""
    return bool(hats_in(user, collaboration.partner))


def may_move(user: Reader, collaboration: Collaboration, move: Move) -> Verdict:
    """Whether the person wears a hat the move asks for."""
    if not is_person(user):
        return no(_("Sign in to take part."))
    if any(hat_for(user, collaboration, role) for role in move.who):
        return YES
    roles = ", ".join(str(ROLES[role]) for role in move.who)
    return no(_("Only %(roles)s can do this.") % {"roles": roles})


def may_see_inside(user: Reader, collaboration: Collaboration) -> Verdict:
    """Whether the person sees what is not public: the partner, the city's staff, its auditors."""
    if is_partner(user, collaboration):
        return YES
    if collaboration.submitted_at is not None and (
        is_city_staff(user, collaboration.city_id) or collaboration.city_id in cities_audited(user)
    ):
        return YES
    return no(_("This part is open to the partner, the city's staff and its auditors."))
