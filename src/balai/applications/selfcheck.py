"""Which scheme fits: a handful of questions, one answer with its reasons. Pure.

The questions and the routing are ours; the three definitions they follow are those of the source document.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from balai.core.errors import Text


@dataclass(frozen=True, slots=True)
class Question:
    key: str
    text: Text
    help: Text


QUESTIONS: tuple[Question, ...] = (
    Question(
        "legal",
        _("Do you act for an organisation with legal standing?"),
        _("A company, cooperative, foundation or registered community. The organisation is the party."),
    ),
    Question(
        "ready",
        _("Is your product ready and in use elsewhere?"),
        _("Somebody outside your team uses it today without your help."),
    ),
    Question(
        "prototype",
        _("Do you have a prototype that works?"),
        _("It can be shown, even if it still breaks."),
    ),
    Question(
        "challenge",
        _("Do you answer a challenge the city has opened?"),
        _("Open challenges name the agency that owns the problem and the data it gives."),
    ),
    Question(
        "place",
        _("Do you need the city as a place to test?"),
        _("Streets, parks, buildings, data or citizens, for a limited time."),
    ),
    Question(
        "budget",
        _("Does it need money from the regional budget (APBD)?"),
        _("Fees, purchase or rent paid by an agency."),
    ),
)


@dataclass(frozen=True, slots=True)
class Advice:
    """``scheme`` is the recommended one, None for "not ready yet" with ``blockers`` saying what is missing.

    ``alternatives`` are other schemes with when they would fit better; ``cautions`` what to know before.
    """

    scheme: str | None
    reasons: tuple[Text, ...] = ()
    blockers: tuple[Text, ...] = ()
    alternatives: tuple[tuple[str, Text], ...] = ()
    cautions: tuple[Text, ...] = ()


READY = _("Your product is ready and in use elsewhere: the city can become its user.")
NO_PLACE = _("You need no place to test first.")
PROTOTYPE = _("You have a prototype to develop further with an agency.")
CHALLENGE = _("You answer a challenge that has a problem owner.")
PLACE = _("You need the city as a place to test, within limits and for a term.")
SOMETHING = _("You have something that can be tested.")

NOT_LEGAL = _("An organisation with legal standing is needed: it is the party to the agreement.")
NOTHING_YET = _("Show at least a prototype that works. An idea alone cannot be tested or developed jointly.")
NO_WAY_IN = _(
    "A prototype needs either an open challenge to answer or a place in the city to test. Follow the "
    "challenges, or say where and what you would test."
)

PROCUREMENT = _(
    "Spending regional budget goes through procurement: no scheme replaces it. Name the route in the form."
)
NO_BUDGET = _("This scheme pays nothing from the regional budget. Plan who pays for what.")

ELSE_USER = _("if the product is ready and nothing needs testing any more")
ELSE_CODEVELOP = _("if you answer an open challenge and want to develop it with the agency")
ELSE_PLAYGROUND = _("if you first want to learn something in the city, within limits")


def advise(answers: Mapping[str, bool]) -> Advice:
    """Recommend a scheme from yes/no answers by question key; an open question counts as no."""
    yes = {question.key for question in QUESTIONS if answers.get(question.key)}
    budget = "budget" in yes
    blockers: list[Text] = []
    if "legal" not in yes:
        blockers.append(NOT_LEGAL)
    if not yes & {"ready", "prototype"}:
        blockers.append(NOTHING_YET)
    elif "ready" not in yes and not yes & {"challenge", "place"}:
        blockers.append(NO_WAY_IN)
    if blockers:
        return Advice(None, blockers=tuple(blockers))
    if "ready" in yes and "place" not in yes:
        return Advice(
            "user",
            reasons=(READY, NO_PLACE),
            alternatives=(("playground", ELSE_PLAYGROUND),)
            + ((("co-develop", ELSE_CODEVELOP),) if "challenge" in yes else ()),
            cautions=(PROCUREMENT,) if budget else (),
        )
    cautions = (NO_BUDGET, PROCUREMENT) if budget else (NO_BUDGET,)
    if "challenge" in yes and "prototype" in yes and "ready" not in yes:
        return Advice(
            "co-develop",
            reasons=(PROTOTYPE, CHALLENGE),
            alternatives=(("playground", ELSE_PLAYGROUND),) if "place" in yes else (),
            cautions=cautions,
        )
    return Advice(
        "playground",
        reasons=(SOMETHING, PLACE),
        alternatives=(("user", ELSE_USER) if "ready" in yes else ("co-develop", ELSE_CODEVELOP),),
        cautions=cautions,
    )
