"""Who may publish contracts, make and stop keys, and see what flows."""

from django.utils.translation import gettext as _

from balai.core.rules import YES, Verdict, no
from balai.observations.models import DataContract, DataKey
from balai.people.models import City, Membership, Role
from balai.people.organisations import MANAGERS
from balai.people.rules import Reader, cities_audited, hats_in, hats_in_city, is_person

KEEPERS = (Role.BUREAU, Role.ANALYST, Role.OFFICER)


def keeper_hat(user: Reader, city: City | str) -> Membership | None:
    """The hat in which the person keeps the city's data contracts."""
    return next(iter(hats_in_city(user, city, *KEEPERS)), None)


def may_keep_contracts(user: Reader, city: City | str) -> Verdict:
    """The city's bureau, analysts and agencies publish and retire contracts."""
    if keeper_hat(user, city) is None:
        return no(_("Only the city's cooperation bureau, analysts and agencies keep its data contracts."))
    return YES


def may_make_key(user: Reader, contract: DataContract) -> Verdict:
    """The partner's managers make keys of their own contract; the city does so for them."""
    if hats_in(user, contract.partner, *MANAGERS) or keeper_hat(user, contract.city_id):
        return YES
    return no(_("Only the partner's administrators and the city make keys of this contract."))


def may_stop_key(user: Reader, key: DataKey) -> Verdict:
    """Anyone of the partner, and the city, may stop a key at once."""
    if hats_in(user, key.partner) or keeper_hat(user, key.city_id):
        return YES
    return no(_("Only the partner and the city stop this key."))


def may_open_rows(user: Reader, contract: DataContract) -> Verdict:
    """The partner's managers and those who keep the city's contracts read rows in quarantine and try them."""
    if hats_in(user, contract.partner, *MANAGERS) or keeper_hat(user, contract.city_id):
        return YES
    return no(_("Only the partner's administrators and the city read and try again rows in quarantine."))


def may_correct_rows(user: Reader, contract: DataContract) -> Verdict:
    """What a row says is the partner's to mend; the city never writes a partner's data."""
    if hats_in(user, contract.partner, *MANAGERS):
        return YES
    return no(_("Only the partner's administrators correct what the partner sent."))


def may_see_flow(user: Reader, contract: DataContract) -> Verdict:
    """The partner, the city that takes the data, and its auditors see keys, receipts and quarantined rows."""
    if not is_person(user):
        return no(_("Sign in to see what flows."))
    if (
        hats_in(user, contract.partner)
        or keeper_hat(user, contract.city_id)
        or contract.city_id in cities_audited(user)
    ):
        return YES
    return no(_("Only the partner, the city and its auditors see what flows."))
