"""Who may amend, end, classify and record agreements after the seal. Each refusal says why."""

from django.utils.translation import gettext as _

from balai.agreements.addenda import is_amendable, open_addendum, open_termination
from balai.agreements.models import (
    Agreement,
    AgreementState,
    Handover,
    Termination,
    TerminationConsent,
    TerminationState,
)
from balai.agreements.rules import bureau_hat, side_of
from balai.agreements.term import term_of
from balai.core.rules import YES, Verdict, no
from balai.people.models import City, Membership, OrganisationKind, Role
from balai.people.rules import Reader, hats_in_city


def may_amend(user: Reader, agreement: Agreement) -> Verdict:
    """Either party begins an addendum while the agreement is in force and no other is on its way."""
    if side_of(user, agreement) is None:
        return no(_("Only the parties draft an addendum."))
    verdict = is_amendable(agreement)
    if not verdict:
        return verdict
    if open_addendum(agreement):
        return no(_("An addendum is on its way already. Finish or decline it before another begins."))
    return YES


def may_end(user: Reader, agreement: Agreement) -> Verdict:
    """Either party asks for the end, or gives notice, while the agreement is not over."""
    if side_of(user, agreement) is None:
        return no(_("Only the parties end the agreement."))
    if agreement.amends_id is not None:
        return no(_("An addendum ends with the agreement it amends."))
    if agreement.documented or agreement.from_paper:
        return no(_("This agreement was not signed on the hub, so it does not end here."))
    if agreement.state != AgreementState.SEALED or term_of(agreement).code == "lapsed":
        return no(_("Nothing is left to end: the agreement is not in force."))
    if open_termination(agreement):
        return no(_("An ending is on its way already."))
    return YES


def may_answer_ending(user: Reader, termination: Termination) -> Verdict:
    """A party that has not said yes yet answers a proposed ending."""
    side = side_of(user, termination.agreement)
    if side is None:
        return no(_("Only the parties answer."))
    if termination.state != TerminationState.PROPOSED:
        return no(_("This proposal is closed."))
    if TerminationConsent.objects.filter(termination=termination, party=side[0]).exists():
        return no(_("Your side has agreed already."))
    return YES


def may_withdraw_ending(user: Reader, termination: Termination) -> Verdict:
    """Who proposed an ending or gave notice may take it back until it is settled or in effect."""
    side = side_of(user, termination.agreement)
    if side is None or side[0].pk != termination.party_id:
        return no(_("Only the party that began the ending takes it back."))
    if termination.state == TerminationState.PROPOSED:
        return YES
    if termination.state == TerminationState.SET and termination.notice_days is not None:
        return YES
    return no(_("The parties have agreed; one of them cannot take it back."))


def may_hand_over(user: Reader, duty: Handover) -> Verdict:
    """Either party, or the bureau, says that a duty of the exit clause is done."""
    if side_of(user, duty.agreement) is None and bureau_hat(user, duty.agreement) is None:
        return no(_("Only the parties and the cooperation bureau say that a duty is done."))
    if duty.done_at is not None:
        return no(_("This is marked as done already."))
    return YES


def may_classify(user: Reader, agreement: Agreement) -> Verdict:
    """The cooperation bureau says to which field of government an agreement belongs."""
    if register_hat(user, agreement.city) is None:
        return no(_("Only the city's cooperation bureau keeps the register."))
    return YES


def register_hat(user: Reader, city: City | str) -> Membership | None:
    """The hat in which the person keeps a city's register: a seat in its cooperation bureau."""
    hats = hats_in_city(user, city, Role.BUREAU)
    return next((h for h in hats if h.organisation.kind == OrganisationKind.AGENCY), None)


def may_record(user: Reader, city: City | str) -> Verdict:
    """Agreements signed on paper are recorded by the city's cooperation bureau."""
    if register_hat(user, city) is None:
        return no(_("Only the city's cooperation bureau records agreements from paper."))
    return YES
