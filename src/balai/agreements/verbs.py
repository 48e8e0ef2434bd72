from django.utils.translation import gettext_lazy as _

from balai.core.verbs import register

register("agreement.drafted", label=_("drafted the agreement"), kind="agreement", icon="agreement")
register("agreement.proposed", label=_("proposed a new text"), kind="agreement", icon="agreement")
register("agreement.approved", label=_("approved the text"), kind="agreement", icon="check")
register("agreement.stamped", label=_("recorded an e-meterai"), kind="agreement", icon="seal")
register("agreement.opened", label=_("opened the agreement for signing"), kind="agreement", icon="turn")
register("agreement.signed", label=_("signed the agreement"), kind="agreement", icon="seal")
register("agreement.declined", label=_("declined the agreement"), kind="agreement", icon="stop")
register("agreement.sealed", label=_("sealed the agreement"), kind="agreement", icon="seal")
register("trust.added", label=_("put an authority on the trust list"), kind="agreement", icon="seal")
register("trust.withdrawn", label=_("took an authority off the trust list"), kind="agreement", icon="stop")
register("trust.revocations", label=_("filed a list of revoked certificates"), kind="agreement", icon="stop")
register("agreement.published", label=_("changed who may read the text"), kind="agreement", icon="globe")
register("agreement.numbered", label=_("set a number into the agreement"), kind="agreement", icon="agreement")
register(
    "agreement.number_void", label=_("took a number out of the agreement"), kind="agreement", icon="stop"
)
register("agreement.planned", label=_("set how and until when to sign"), kind="agreement", icon="turn")
register("agreement.signing_due", label=_("reminded of the last day to sign"), kind="reminder", icon="turn")
register("agreement.signing_expired", label=_("closed the round of signing"), kind="agreement", icon="stop")
register(
    "agreement.linked", label=_("linked the agreement to a memorandum"), kind="agreement", icon="agreement"
)
register("number.pattern", label=_("set a pattern of document numbers"), kind="agreement", icon="agreement")
register("ceremony.prepared", label=_("prepared a signing ceremony"), kind="agreement", icon="turn")
register("ceremony.opened", label=_("opened the signing ceremony"), kind="agreement", icon="turn")
register("ceremony.closed", label=_("closed the signing ceremony"), kind="agreement", icon="check")
register(
    "agreement.clause_proposed", label=_("proposed a change of an article"), kind="agreement", icon="turn"
)
register("agreement.countered", label=_("answered a proposal by another one"), kind="agreement", icon="turn")
register("agreement.clause_accepted", label=_("accepted a proposal"), kind="agreement", icon="check")
register("agreement.clause_rejected", label=_("rejected a proposal"), kind="agreement", icon="cross")
register("agreement.clause_withdrawn", label=_("withdrew a proposal"), kind="agreement", icon="arrow")
register("agreement.commented", label=_("commented on the agreement"), kind="agreement", icon="voice")
register("agreement.settled", label=_("settled a comment"), kind="agreement", icon="check")
register("agreement.reopened", label=_("opened a comment again"), kind="agreement", icon="voice")
register("side.commented", label=_("commented within your side"), kind="agreement", icon="lock")
register("side.settled", label=_("settled a comment within your side"), kind="agreement", icon="lock")
register("side.reopened", label=_("opened a comment within your side again"), kind="agreement", icon="lock")
register("legal.published", label=_("published a version of the legal path"), kind="agreement", icon="ledger")
register("legal.settled", label=_("settled a step of the legal path"), kind="agreement", icon="check")
register("legal.withdrawn", label=_("took back a step of the legal path"), kind="agreement", icon="arrow")
register("legal.filed", label=_("filed a document on the legal path"), kind="agreement", icon="file")
register(
    "legal.council_answered",
    label=_("answered the two questions about council approval"),
    kind="agreement",
    icon="decision",
)
register("legal.council_approved", label=_("filed the council's approval"), kind="agreement", icon="check")
register(
    "legal.council_withdrawn", label=_("took back the council's approval"), kind="agreement", icon="stop"
)
register(
    "legal.discussion_requested", label=_("asked the TKKSD for a discussion"), kind="turn", icon="review"
)
register("legal.opinion", label=_("gave an opinion in the TKKSD discussion"), kind="turn", icon="review")
register(
    "legal.discussion_paused", label=_("asked the applicant; the clock rests"), kind="turn", icon="clock"
)
register(
    "legal.discussion_resumed", label=_("let the discussion's clock run again"), kind="turn", icon="clock"
)
register("legal.discussion_closed", label=_("closed the TKKSD discussion"), kind="decision", icon="review")
register("legal.reminded", label=_("reminded of a step of the legal path"), kind="reminder", icon="reminder")
register("legal.escalated", label=_("told the next desk of a late step"), kind="reminder", icon="alert")
register(
    "agreement.amended", label=_("amended the agreement with an addendum"), kind="agreement", icon="seal"
)
register(
    "agreement.ending", label=_("reminds that the term of the agreement ends"), kind="reminder", icon="clock"
)
register("agreement.ended", label=_("recorded the end of the agreement"), kind="agreement", icon="exit")
register("agreement.end_proposed", label=_("proposed to end the agreement"), kind="agreement", icon="turn")
register("agreement.end_agreed", label=_("agreed to end the agreement"), kind="agreement", icon="exit")
register("agreement.end_notified", label=_("gave notice to end the agreement"), kind="agreement", icon="stop")
register("agreement.end_refused", label=_("refused to end the agreement"), kind="agreement", icon="cross")
register(
    "agreement.end_withdrawn",
    label=_("took back the ending of the agreement"),
    kind="agreement",
    icon="arrow",
)
register("agreement.handed_over", label=_("handed over what the exit asks"), kind="agreement", icon="check")
register("agreement.classified", label=_("classified the agreement"), kind="agreement", icon="file")
register("agreement.recorded", label=_("recorded an agreement from paper"), kind="agreement", icon="file")
register("agreement.corrected", label=_("corrected a record from paper"), kind="agreement", icon="file")
register("side.drafted", label=_("brought an edited draft back"), kind="agreement", icon="lock")
