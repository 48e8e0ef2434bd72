"""What this room answers when a scheme asks. Each no says which rule, from where, who can lift it."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from balai.agreements import stops
from balai.agreements.drafting import longest_end
from balai.agreements.models import AgreementState
from balai.agreements.queries import agreement_of, label_of_blank, latest_of
from balai.agreements.term import is_in_force
from balai.collaborations.models import Collaboration
from balai.collaborations.registry import guard
from balai.core.rules import YES, Verdict, no

OURS = gettext_lazy("a rule of this hub")
PARTIES = gettext_lazy("the parties, in the text of the agreement")


@guard(
    "agreement.drafted",
    text=gettext_lazy("There is an agreement without blanks"),
    source=gettext_lazy(
        "PP 28/2018 and Permendagri 22/2020: rights and obligations are set in a cooperation agreement"
    ),
    lifted_by=gettext_lazy("the cooperation bureau or the agency, by drafting it"),
)
def drafted(collaboration: Collaboration) -> Verdict:
    latest = latest_of(collaboration)
    if latest is None:
        return no(
            _("There is no agreement yet (PP 28/2018). The cooperation bureau or the agency drafts it.")
        )
    if missing := latest.reading.missing():
        return no(
            _("The agreement still has blanks: %(names)s. Either party fills them.")
            % {"names": ", ".join(label_of_blank(name) for name in missing)}
        )
    return YES


@guard(
    "agreement.approved",
    text=gettext_lazy("Every party approved the same, latest text"),
    source=OURS,
    lifted_by=gettext_lazy("the parties, by approving the latest version"),
)
def approved(collaboration: Collaboration) -> Verdict:
    latest = latest_of(collaboration)
    if latest is None:
        return no(_("There is no agreement to approve."))
    if latest.approval_count < latest.party_count:  # type: ignore[attr-defined]
        return no(
            _(
                "%(count)s of %(parties)s parties approved version %(number)s."
                " The others approve it or propose another."
            )
            % {
                "count": latest.approval_count,  # type: ignore[attr-defined]
                "parties": latest.party_count,  # type: ignore[attr-defined]
                "number": latest.number,
            }
        )
    return YES


@guard(
    "agreement.unsigned",
    text=gettext_lazy("Nobody has signed"),
    source=OURS,
    lifted_by=gettext_lazy("nobody: a signed text is not changed; a party may decline"),
)
def unsigned(collaboration: Collaboration) -> Verdict:
    latest = latest_of(collaboration)
    if latest is not None and latest.signature_count:  # type: ignore[attr-defined]
        return no(
            _("A party has signed this text, so it is not reopened. A party that disagrees can decline it.")
        )
    return YES


@guard(
    "agreement.sealed",
    text=gettext_lazy("The agreement is signed by every party and sealed"),
    source=gettext_lazy("PP 28/2018; UU ITE 11/2008 article 5(1) on electronic documents"),
    lifted_by=gettext_lazy("the signatories, by signing"),
)
def sealed(collaboration: Collaboration) -> Verdict:
    latest = latest_of(collaboration)
    if latest is not None and latest.agreement.state == AgreementState.SEALED:
        return YES
    if latest is not None and latest.agreement.state == AgreementState.SEALING:
        return no(_("Every party has signed. The hub is sealing the document; this takes a minute."))
    return no(
        _("The agreement is not signed by every party. The signatories sign it, then the hub seals it.")
    )


@guard(
    "agreement.term",
    text=gettext_lazy("The term is within the scheme's limit"),
    source=gettext_lazy("a rule of this hub for Playground: a trial has an end"),
    lifted_by=gettext_lazy("the parties, by a shorter term; then another collaboration may follow"),
)
def term(collaboration: Collaboration) -> Verdict:
    latest = latest_of(collaboration)
    if latest is None:
        return no(_("There is no agreement, so no term."))
    terms, limit = latest.reading, collaboration.scheme.limits.get("term_months")
    if terms.starts_on is None or terms.ends_on is None:
        return no(_("The agreement names no beginning and end. Either party enters them."))
    if limit and terms.ends_on > longest_end(terms.starts_on, limit):
        return no(
            _(
                "The term is longer than %(months)s months, the limit this hub sets for %(scheme)s."
                " Either party proposes a shorter one."
            )
            % {"months": limit, "scheme": collaboration.scheme.name}
        )
    return YES


@guard(
    "agreement.in_force",
    text=gettext_lazy("The agreement is in force today"),
    source=gettext_lazy("PP 28/2018: a cooperation is carried out under its agreement, within its term"),
    lifted_by=gettext_lazy("the parties, by an addendum while it is in force, or by another agreement"),
)
def in_force(collaboration: Collaboration) -> Verdict:
    agreement = agreement_of(collaboration)
    if agreement is None:
        return no(_("There is no agreement, so nothing is in force."))
    return is_in_force(agreement)


@guard(
    "agreement.council",
    text=gettext_lazy("Council (DPRD) approval is not needed, or it is there"),
    source=gettext_lazy("PP 28/2018 as quoted by Samarinda and Bandung; to be checked by counsel"),
    lifted_by=gettext_lazy(
        "the cooperation bureau, by answering both questions or filing the council's approval"
    ),
)
def council(collaboration: Collaboration) -> Verdict:
    return stops.council_cleared(collaboration)


@guard(
    "agreement.lawful_data",
    text=gettext_lazy("Personal data flows have legal basis, controller and retention"),
    source=gettext_lazy("UU 27/2022 on personal data protection"),
    lifted_by=PARTIES,
)
def lawful_data(collaboration: Collaboration) -> Verdict:
    return stops.lawful_data(collaboration, latest_of(collaboration))


@guard(
    "agreement.procurement",
    text=gettext_lazy("Spending regional budget has a procurement reference"),
    source=gettext_lazy("Perpres 16/2018 as amended by 12/2021 on public procurement"),
    lifted_by=gettext_lazy("the agency, by entering the procurement reference"),
)
def procurement(collaboration: Collaboration) -> Verdict:
    latest = latest_of(collaboration)
    if latest is None:
        return no(_("There is no agreement that could name a procurement reference."))
    return stops.procured(collaboration, latest.agreement)
