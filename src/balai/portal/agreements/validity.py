"""The answer to "is it valid?", for every page that shows an agreement."""

from dataclasses import dataclass

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from balai.agreements.models import Agreement, AgreementState
from balai.agreements.term import Term, term_of

WAITING: tuple[str, ...] = (AgreementState.DRAFTING, AgreementState.SIGNING, AgreementState.SEALING)


@dataclass(frozen=True, slots=True)
class Validity:
    """The answer to "is it valid?" in one tag and one sentence."""

    tag: str
    tone: str
    sentence: str


def validity(agreement: Agreement) -> Validity:
    """Whether the agreement binds today, from its state and its term."""
    if agreement.documented:
        return Validity(
            _("known from publications"),
            "neutral",
            _("Written down from public sources; not signed on this hub."),
        )
    term = term_of(agreement)
    if agreement.from_paper:
        return _of_paper(agreement, term)
    match term.code:
        case "lapsed":
            return Validity(_("expired"), "done", _("It was signed and sealed; its term is over."))
        case "begins":
            return Validity(
                _("sealed, not yet begun"),
                "go",
                _("It is signed by every party and sealed; its term begins later."),
            )
        case "force":
            return Validity(
                _("in force"), "go", _("It is signed by every party, sealed, and within its term.")
            )
        case "ending":
            return Validity(
                _left(term), "wait", _("In force: signed by every party and sealed. Its term ends soon.")
            )
        case "ended":
            return Validity(str(AgreementState.ENDED.label), "done", _ended(agreement))
    sentences = {
        AgreementState.DRAFTING: _("Not yet. The parties are still negotiating the text."),
        AgreementState.SIGNING: _("Not yet. The text is fixed and waits for signatures."),
        AgreementState.SEALING: _("Almost. Every party has signed; the hub is sealing the document."),
        AgreementState.DECLINED: _("No. A party declined it."),
    }
    phase = AgreementState(agreement.phase)
    return Validity(agreement.phase_label, "wait" if phase in WAITING else "stop", sentences[phase])


def _of_paper(agreement: Agreement, term: Term) -> Validity:
    """What the register says of an agreement it knows from paper, which the hub did not verify."""
    sentence = _("Recorded from paper by the cooperation bureau; the hub did not verify it.")
    tags = {
        "force": _("in force, from paper"),
        "ending": _("in force, from paper"),
        "begins": _("from paper, not yet begun"),
    }
    if term.code in tags:
        return Validity(tags[term.code], "neutral", sentence)
    return Validity(_("ended, from paper"), "done", f"{_ended(agreement)} {sentence}")


def _left(term: Term) -> str:
    if not term.days:
        return _("ends today")
    return ngettext("ends in %(days)s day", "ends in %(days)s days", term.days) % {"days": term.days}


def _ended(agreement: Agreement) -> str:
    if agreement.ended_on is None:
        return _("No. It has ended.")
    return _("No. It ended on %(day)s.") % {"day": date_format(agreement.ended_on, "j F Y")}
