"""Who may draft, propose, approve, sign, decline and read. Each refusal says why."""

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from balai.agreements.addenda import is_amendable
from balai.agreements.models import (
    Agreement,
    AgreementKind,
    AgreementState,
    AgreementVersion,
    CeremonyState,
    Party,
    RoundOutcome,
    SigningMode,
    SigningRound,
)
from balai.agreements.names import same_person
from balai.agreements.stops import may_take_effect
from balai.collaborations.models import Collaboration
from balai.collaborations.rules import hat_for, is_partner
from balai.core.rules import YES, Verdict, no
from balai.people.models import City, Membership, Organisation, OrganisationKind, Role, User
from balai.people.rules import Reader, hats_in, hats_in_city, is_person

CITY_ROLES = ("bureau", "agency", "city_signatory")
OPEN = (AgreementState.DRAFTING, AgreementState.SIGNING)


def parties_of(agreement: Agreement) -> list[Party]:
    """The parties with their organisations, in their order; no query when prefetched."""
    return list(agreement.parties.all())


def side_of(user: Reader, agreement: Agreement) -> tuple[Party, Membership] | None:
    """For which party the person speaks, and in which hat; never for two."""
    if not is_person(user):
        return None
    collaboration = agreement.collaboration
    for party in parties_of(agreement):
        hat = None
        if collaboration is None:
            hat = next(iter(hats_in(user, party.organisation)), None)
        elif party.organisation_id == collaboration.partner_id:
            hat = hat_for(user, collaboration, "applicant")
        elif not is_partner(user, collaboration):
            hat = next(filter(None, (hat_for(user, collaboration, role) for role in CITY_ROLES)), None)
        if hat:
            return party, hat
    return None


def signing_hat(user: Reader, agreement: Agreement, party: Party) -> Membership | None:
    """The hat in which the person signs for ``party``, if any."""
    collaboration = agreement.collaboration
    if collaboration is None:
        roles = (
            (Role.SIGNATORY, Role.FOUNDER)
            if party.organisation.kind == OrganisationKind.COMPANY
            else (Role.SIGNATORY,)
        )
        return next(iter(hats_in(user, party.organisation, *roles)), None)
    partner = party.organisation_id == collaboration.partner_id
    return hat_for(user, collaboration, "partner_signatory" if partner else "city_signatory")


def may_draft(user: Reader, collaboration: Collaboration) -> Verdict:
    """The bureau or the agency drafts, while the collaboration negotiates its agreement."""
    if not any(hat_for(user, collaboration, role) for role in ("bureau", "agency")):
        return no(_("Only the cooperation bureau or the agency drafts the agreement."))
    if collaboration.stage != "drafting":
        return no(_("An agreement is drafted once the application is accepted and before signing."))
    if collaboration.agency_id is None:
        return no(_("No agency is named. It is a party, so the bureau names it first."))
    return YES


def may_propose(user: Reader, agreement: Agreement) -> Verdict:
    """Either party proposes changes while the text is negotiated."""
    if side_of(user, agreement) is None:
        return no(_("Only the parties change the text."))
    if agreement.phase != AgreementState.DRAFTING:
        return no(
            _(
                "The text is fixed: it is %(state)s. The cooperation bureau can reopen the negotiation"
                " as long as nobody has signed."
            )
            % {"state": agreement.phase_label}
        )
    return YES


def may_state_budget(user: Reader, agreement: Agreement) -> Verdict:
    """Whether regional budget is spent, and under which procurement, is the city's to say."""
    side = side_of(user, agreement)
    if side is None or side[0].organisation.kind != OrganisationKind.AGENCY:
        return no(_("The city's side says whether regional budget is spent, under which procurement."))
    return YES


def may_approve(user: Reader, agreement: Agreement, version: AgreementVersion) -> Verdict:
    """A party approves exactly the latest text, with no blank left."""
    side = side_of(user, agreement)
    if side is None:
        return no(_("Only the parties approve the text."))
    if agreement.phase not in OPEN:
        return no(
            _("Nothing is left to approve: the agreement is %(state)s.") % {"state": agreement.phase_label}
        )
    if missing := version.reading.missing():
        from balai.agreements.queries import label_of_blank

        names = ", ".join(label_of_blank(name) for name in missing)
        return no(_("The text still has blanks: %(names)s. Either party can fill them.") % {"names": names})
    if any(approval.party_id == side[0].pk for approval in version.approvals.all()):
        return no(_("Your side has approved this text already."))
    return YES


def may_sign(user: Reader, agreement: Agreement, party: Party | None = None) -> Verdict:
    """A signatory with a mandate signs, once both sides approved and signing is open."""
    if not is_person(user):
        return no(_("Sign in to take part."))
    if agreement.phase != AgreementState.SIGNING:
        return no(
            _("Signing is not open: the agreement is %(state)s. The cooperation bureau opens it.")
            % {"state": agreement.phase_label}
        )
    party = party or party_to_sign(user, agreement)
    if party is None or signing_hat(user, agreement, party) is None:
        return no(_("Only a party's signatory signs. An administrator of the organisation gives that role."))
    verdict = may_be_signed(party)
    return verdict and is_named(user, party)


def is_named(user: User, party: Party) -> Verdict:
    """The account's name is the one of the signatory in the text, titles aside."""
    if same_person(user.name, party.signatory_name):
        return YES
    return no(
        _(
            "The text names %(signatory)s as the signatory of %(party)s; your account is of %(account)s. If"
            " you are that person, correct your name in your account. If another person signs, %(party)s"
            " names them while the text is negotiated."
        )
        % {
            "signatory": party.signatory_name,
            "party": party.organisation.name,
            "account": user.name or _("a person without a name"),
        }
    )


def may_be_signed(party: Party) -> Verdict:
    """A party signs once, by mandate, within the round of signing and in its order."""
    if hasattr(party, "signature"):
        return no(_("%(party)s has signed already.") % {"party": party.organisation.name})
    verdict = may_take_effect(party)
    if not verdict:
        return verdict
    amended = party.agreement.amends
    if amended is not None and not (verdict := is_amendable(amended)):
        return verdict
    return _in_round(party)


def current_round(agreement: Agreement) -> SigningRound | None:
    """The newest round of signing; None where nobody set one: desk to desk, any order, no end."""
    return next(iter(agreement.rounds.all()), None)


def _in_round(party: Party) -> Verdict:
    """Whether the round of signing is open to the party today."""
    agreement = party.agreement
    current = current_round(agreement)
    if current is None:
        return YES
    over = current.until is not None and current.until < timezone.localdate()
    if over or current.outcome == RoundOutcome.EXPIRED:
        return no(
            _("The round of signing ended on %(day)s. The cooperation bureau opens another.")
            % {"day": date_format(current.until, "j F Y") if current.until else ""}
        )
    if current.ordered:
        earlier = next(
            (p for p in parties_of(agreement) if p.place < party.place and not hasattr(p, "signature")), None
        )
        if earlier:
            return no(
                _("The parties sign in their order: %(party)s is next.")
                % {"party": earlier.organisation.name}
            )
    if current.mode == SigningMode.CEREMONY and not _in_open_ceremony(agreement):
        return no(_("It is signed in a ceremony, which is not under way. The cooperation bureau opens it."))
    return YES


def _in_open_ceremony(agreement: Agreement) -> bool:
    return agreement.ceremony_items.filter(ceremony__state=CeremonyState.OPEN).exists()


def party_to_sign(user: Reader, agreement: Agreement) -> Party | None:
    """The party the person can sign for."""
    return next((p for p in parties_of(agreement) if signing_hat(user, agreement, p)), None)


def party_to_bring(user: Reader, agreement: Agreement) -> tuple[Party, Membership] | None:
    """The party for which the person may bring a certified signature: its signatory or anyone of its side."""
    for party in parties_of(agreement):
        if hat := signing_hat(user, agreement, party):
            return party, hat
    return side_of(user, agreement)


def may_bring(user: Reader, agreement: Agreement) -> Verdict:
    """A party's own people bring the file its signatory signed elsewhere, while signing is open."""
    side = party_to_bring(user, agreement)
    if side is None:
        return no(_("Only the parties bring a signed file."))
    if agreement.phase != AgreementState.SIGNING:
        return no(
            _("Signing is not open: the agreement is %(state)s. The cooperation bureau opens it.")
            % {"state": agreement.phase_label}
        )
    return may_be_signed(side[0])


def is_city_side(party: Party) -> bool:
    """Whether the party is an agency of the city whose agreement it is."""
    organisation = party.organisation
    return organisation.kind == OrganisationKind.AGENCY and organisation.city_id == party.agreement.city_id


def bureau_hat(user: Reader, agreement: Agreement) -> Membership | None:
    """The hat in which the cooperation bureau tends the agreement; nobody who acts for another party."""
    if agreement.collaboration is not None:
        return hat_for(user, agreement.collaboration, "bureau")
    others = {p.organisation_id for p in parties_of(agreement) if not is_city_side(p)}
    if not is_person(user) or agreement.documented or any(h.organisation_id in others for h in user.hats):
        return None
    hats = hats_in_city(user, agreement.city_id, Role.BUREAU)
    return next((h for h in hats if h.organisation.kind == OrganisationKind.AGENCY), None)


def number_hat(user: Reader, agreement: Agreement, party: Party) -> Membership | None:
    """The hat in which the person sets the number of ``party``: the bureau for the city, else its own."""
    if is_city_side(party):
        return bureau_hat(user, agreement)
    side = side_of(user, agreement)
    return side[1] if side and side[0].pk == party.pk else None


def may_put_number(user: Reader, agreement: Agreement, party: Party) -> Verdict:
    """A number is set in before the first signature: the city's by its bureau, any other by the party."""
    if number_hat(user, agreement, party) is None:
        return no(
            _("The cooperation bureau reserves the city's number.")
            if is_city_side(party)
            else _("Each party puts its own number.")
        )
    if agreement.phase not in OPEN:
        return no(
            _("It is too late for a number: the agreement is %(state)s.") % {"state": agreement.phase_label}
        )
    if any(hasattr(p, "signature") for p in parties_of(agreement)):
        return no(_("A party has signed this text, so no number can be set into it or taken out any more."))
    return YES


def keeps_numbers_of(user: Reader, organisation: Organisation) -> Membership | None:
    """The hat in which the person keeps an agency's number patterns: the bureau of its city."""
    if organisation.kind != OrganisationKind.AGENCY or not organisation.city_id:
        return None
    return next(iter(hats_in_city(user, organisation.city_id, Role.BUREAU)), None)


def may_plan(user: Reader, agreement: Agreement) -> Verdict:
    """The bureau sets how a text is signed, in which order and until when, until all have signed."""
    if bureau_hat(user, agreement) is None:
        return no(_("Only the cooperation bureau sets how it is signed."))
    if agreement.phase not in OPEN:
        return no(_("The agreement is %(state)s.") % {"state": agreement.phase_label})
    return YES


def may_link(user: Reader, agreement: Agreement) -> Verdict:
    """The bureau says which memorandum carries a cooperation agreement, until somebody has signed."""
    if bureau_hat(user, agreement) is None:
        return no(_("Only the cooperation bureau links agreements."))
    if agreement.kind != AgreementKind.PKS:
        return no(_("Only a cooperation agreement (PKS) rests on a memorandum."))
    if agreement.phase not in OPEN:
        return no(_("The agreement is %(state)s.") % {"state": agreement.phase_label})
    return YES


def tends_ceremonies_of(user: Reader, city: City) -> Membership | None:
    """The hat in which the person prepares and opens the ceremonies of a city: a seat in its bureau."""
    hats = hats_in_city(user, city, Role.BUREAU)
    return next((h for h in hats if h.organisation.kind == OrganisationKind.AGENCY), None)


def keeps_trust_of(user: Reader) -> Membership | None:
    """The hat in which the person keeps a city's trust list: a seat in its cooperation bureau."""
    if not is_person(user):
        return None
    return next((h for h in user.hats if h.role == Role.BUREAU and h.organisation.city_id), None)


def may_keep_trust(user: Reader, city: City) -> Verdict:
    """The cooperation bureau keeps the list of authorities its city trusts."""
    if not hats_in_city(user, city, Role.BUREAU):
        return no(_("Only the city's cooperation bureau keeps its trust list."))
    return YES


def may_decline(user: Reader, agreement: Agreement) -> Verdict:
    """Either party may walk away until everybody has signed."""
    if side_of(user, agreement) is None and party_to_sign(user, agreement) is None:
        return no(_("Only the parties can decline."))
    if agreement.phase not in OPEN:
        return no(
            _("It is too late to decline: the agreement is %(state)s.") % {"state": agreement.phase_label}
        )
    return YES


def may_open(user: Reader, agreement: Agreement) -> Verdict:
    """The city's side opens the signing of an MoU; for a collaboration the scheme says who."""
    side = side_of(user, agreement)
    if side is None or side[0].organisation.kind != OrganisationKind.AGENCY:
        return no(_("Only the city's side opens the signing."))
    if agreement.phase != AgreementState.DRAFTING:
        return no(_("The agreement is %(state)s.") % {"state": agreement.phase_label})
    return YES


def may_publish(user: Reader, agreement: Agreement) -> Verdict:
    """The city's side decides whether anyone may read the sealed text."""
    side = side_of(user, agreement)
    if side is None or side[0].organisation.kind != OrganisationKind.AGENCY:
        return no(_("Only the city's side decides who may read the text."))
    if agreement.sealed_document_id is None:
        return no(_("Only a sealed text can be made public."))
    return YES
