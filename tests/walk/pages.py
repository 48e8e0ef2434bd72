"""Every page of the hub, and the answer each kind of visitor gets.

`expects` reads "who=status …": a relation to the city whose record it is (`Town.relation`), "others" for
everyone not named. "foreign" is any signed-in person without a part in it, from a rival firm, another city
or a ministry; of the superuser too, who holds no seat.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.disbursement_builders import BATCH
from tests.walk.town import Side
from tests.webhook_builders import told

OPEN = "others=200"
SIGNED_IN = "stranger=302 others=200"
PRESS = "others=405"
"""An address that only takes a press of a button."""
PRESS_SIGNED_IN = "stranger=302 others=405"
INSIDE = "stranger=302 foreign=404 others=200"


@dataclass(frozen=True, slots=True)
class Visit:
    """One address of a page: the record it is about, the rest of its arguments, and the answers."""

    expects: str
    record: str = ""
    args: Callable[[Any, Side], tuple[Any, ...]] = lambda record, side: ()
    query: str = ""

    def status(self, relation: str) -> int:
        answers = dict(pair.split("=") for pair in self.expects.split())
        if relation in ("ministry", "assessor") and relation not in answers:
            relation = "foreign"
        return int(answers.get(relation, answers["others"]))


def reference(record: Any, _side: Side) -> tuple[Any, ...]:
    return (record.reference,)


def pk(record: Any, _side: Side) -> tuple[Any, ...]:
    return (record.pk,)


def of(record: str, expects: str, *more: Any, query: str = "") -> Visit:
    """A page of a record known by its reference, and the rest of its address."""
    return Visit(expects, record, lambda found, _side: (found.reference, *more), query)


def part(record: str, of_: str, expects: str) -> Visit:
    """A page of a part of the pilot or challenge ``of_``."""
    return Visit(expects, record, lambda found, side: (side.at[of_].reference, found.pk))


def agreement(record: str, expects: str, *more: Any) -> Visit:
    return Visit(expects, record, lambda found, _side: (found.pk, *more))


def of_agreement(expects: str, what: Callable[[Side], int]) -> Visit:
    """A page of something that belongs to the agreement being negotiated."""
    return Visit(expects, "agreement", lambda found, side: (found.pk, what(side)))


def firm(expects: str, *names: str) -> Visit:
    """A page of the partner's own organisation; ``names``: records whose keys follow in the address."""
    return Visit(
        expects,
        "seat",
        lambda _found, side: (side.world.partner.slug, *(side.at[name].pk for name in names)),
    )


def of_data(expects: str) -> Visit:
    """A page of the data contract."""
    return Visit(expects, "data_contract", lambda found, _side: (found.contract, found.major))


def of_client(expects: str) -> Visit:
    """A page of the contract that a client signs under."""
    return Visit(expects, "snap_client", lambda it, _side: (it.key.contract, it.key.major))


def of_books(expects: str, *batch: str) -> Visit:
    """A page of the books of payments, or of one batch."""
    return Visit(expects, "disbursements", lambda found, _side: (found.contract, found.major, *batch))


FLOW = "stranger=302 others=403 founder=200 officer=200 bureau=200 analyst=200 auditor=200"
WORKS_ON_IT = "stranger=302 foreign=404 signatory=403 auditor=403 reviewer=403 reviewer2=403 others=200"
PLANS_IT = "stranger=302 foreign=404 others=403"
"""Forms of the plan: the pilot of the town runs, so that nobody may change it any more."""

PLANNERS = "stranger=302 foreign=404 others=403 founder=200 officer=200 bureau=200"
PARTIES = "stranger=302 foreign=404 others=403 founder=200 officer=200 bureau=200 signatory=200"

KEEPERS = "stranger=302 bureau=200 analyst=200 ministry=200 others=403"
COMPUTES_PILOT = "stranger=302 foreign=404 others=403 officer=200 bureau=200 analyst=200"
COMPUTES = "stranger=302 bureau=200 analyst=200 others=403"
KEEPS_IT = "stranger=302 bureau=200 analyst=200 ministry=200 others=404"
MINISTRY = "stranger=302 ministry=200 others=403"

PAGES: dict[str, list[Visit]] = {
    # The open side.
    "home": [Visit(OPEN)],
    "about": [Visit(OPEN)],
    "partner_list": [Visit(OPEN)],
    "partner": [Visit(OPEN, "seat", lambda found, side: (side.world.partner.slug,))],
    "dimension_list": [Visit(OPEN)],
    "dimension": [Visit(OPEN, args=lambda _found, _side: ("mobility",))],
    "indicators_csv": [Visit(OPEN)],
    "search": [Visit(OPEN), Visit(OPEN, query="?q=rahasia"), Visit(OPEN, query="?q=trotoar")],
    "ledger": [Visit(OPEN)],
    "gallery": [Visit(OPEN)],
    "offline": [Visit(OPEN)],
    "service_worker": [Visit(OPEN)],
    "accounts_demo": [Visit(OPEN)],
    "accounts_demo_sign_in": [Visit(PRESS, args=lambda _found, side: (side.world.founder.pk,))],
    # Needs and challenges.
    "need_list": [Visit(OPEN), Visit(OPEN, query="?state=hidden"), Visit(OPEN, query="?q=rahasia")],
    "need_csv": [Visit(OPEN, "need", lambda _found, _side: (), "?city=31"), Visit(OPEN, query="?city=3273")],
    "need_new": [Visit(OPEN)],
    "need_terms": [Visit(OPEN)],
    "need_detail": [
        of("need", OPEN),
        of("hidden", "stranger=404 author=200 foreign=404 founder=404 others=200"),
    ],
    "need_photo": [of("need", "others=404")],
    "need_act": [of("need", PRESS, "dukung")],
    "challenge_list": [Visit(OPEN), Visit(OPEN, query="?state=draft")],
    "challenge_csv": [Visit(OPEN)],
    "challenge_new": [Visit("stranger=302 officer=200 bureau=200 analyst=200 others=403")],
    "challenge_detail": [
        of("challenge", OPEN),
        of("challenge_draft", "stranger=404 foreign=404 founder=404 others=200"),
    ],
    "challenge_edit": [
        of(
            "challenge_draft",
            "stranger=302 foreign=404 founder=404 others=403 officer=200 bureau=200 analyst=200",
        )
    ],
    "challenge_ask": [of("challenge", PRESS)],
    "challenge_follow": [of("challenge", PRESS)],
    "challenge_answer": [part("question", "challenge", PRESS)],
    "challenge_act": [of("challenge", PRESS, "tutup")],
    # Applications.
    "schemes": [Visit(OPEN)],
    "selfcheck": [
        Visit(OPEN),
        Visit(OPEN, query="?legal=yes&ready=no&prototype=yes&challenge=no&place=yes&budget=no"),
    ],
    "scheme": [
        Visit(OPEN, args=lambda _found, _side, key=key: (key,))
        for key in ("playground", "co-develop", "user")
    ],
    "applications": [Visit("stranger=302 founder=200 foreign=200 others=302")],
    "applications_city": [Visit("stranger=302 founder=404 foreign=404 others=200")],
    "applications_csv": [Visit("stranger=302 founder=404 foreign=404 others=200")],
    "application_start": [Visit(SIGNED_IN)],
    "application": [
        of("draft", "stranger=302 founder=200 others=404"),
        *(
            of(name, INSIDE)
            for name in ("screening", "review", "rejected", "drafting", "preparing", "pilot", "offered")
        ),
    ],
    "application_print": [of("draft", "stranger=302 founder=200 others=404"), of("review", INSIDE)],
    "application_csv": [of("draft", "stranger=302 founder=200 others=404"), of("rejected", INSIDE)],
    "application_section": [
        of("draft", "stranger=302 founder=200 others=404", "about"),
        of("draft", "stranger=302 founder=200 others=404", "who"),
        of("screening", "stranger=302 foreign=404 others=403", "about"),
    ],
    "application_papers": [of("draft", "stranger=302 founder=200 others=404")],
    "application_file": [part("attachment", "screening", INSIDE)],
    "application_file_out": [part("attachment", "screening", PRESS_SIGNED_IN)],
    "application_submit": [
        of("draft", "stranger=302 founder=200 others=404"),
        of("screening", "stranger=302 foreign=404 others=403"),
    ],
    "application_screening": [
        of("screening", "stranger=302 foreign=404 founder=404 analyst=404 signatory=404 others=200")
    ],
    "application_review": [of("review", "stranger=302 others=404 reviewer=200 reviewer2=200")],
    "application_conflict": [of("review", PRESS_SIGNED_IN)],
    "application_summary": [
        of("review", "stranger=302 others=404 bureau=200 auditor=200 reviewer=200"),
        of("rejected", "stranger=302 others=404 bureau=200 auditor=200 reviewer=200 reviewer2=200"),
    ],
    # Collaborations.
    "register": [Visit(OPEN), Visit(OPEN, query="?q=rahasia")],
    "register_csv": [Visit(OPEN)],
    "collaboration": [
        of("draft", "founder=200 others=404"),
        *(of(name, "stranger=404 foreign=404 others=200") for name in ("screening", "review", "rejected")),
        *(of(name, OPEN) for name in ("drafting", "pilot", "offered")),
    ],
    "collaboration_follow": [of("pilot", "others=302")],
    "collaboration_move": [
        of("draft", "stranger=302 founder=200 others=404", "submit"),
        of("screening", INSIDE, "reject_screening"),
        of("pilot", INSIDE, "suspend"),
    ],
    # Agreements.
    "agreement_list": [Visit(OPEN), Visit(OPEN, query="?sort=ending&within=90&year=2026")],
    "agreement_csv": [Visit(OPEN), Visit(OPEN, query="?state=paper")],
    "agreement_infographic": [Visit(OPEN)],
    "agreement_report_csv": [Visit(OPEN, args=lambda _record, _side: (2026,))],
    "agreement_paper": [Visit("stranger=302 bureau=200 others=403")],
    "agreement_paper_many": [Visit("stranger=302 bureau=200 others=403")],
    "agreement_paper_correct": [agreement("paper", "stranger=302 bureau=200 others=403")],
    "agreement_scan": [agreement("paper", "stranger=302 foreign=404 founder=404 others=200")],
    "agreement_affair": [agreement("sealed", PRESS)],
    "agreement_addendum": [agreement("sealed", PARTIES)],
    "agreement_amended": [agreement("sealed", "stranger=404 foreign=404 others=200")],
    "agreement_end": [agreement("sealed", INSIDE)],
    "agreement_end_answer": [agreement("sealed", PRESS, 999, "setuju")],
    "agreement_handed_over": [agreement("sealed", PRESS, 999)],
    "agreement_memorandum": [Visit("stranger=302 bureau=200 others=403")],
    "agreement_of": [
        of("pilot", "others=302"),
        of("screening", INSIDE),
        of("draft", "stranger=302 founder=200 others=404"),
    ],
    "agreement": [agreement("agreement", OPEN), agreement("sealed", OPEN)],
    "legal_rules": [Visit(OPEN)],
    "legal": [
        of("draft", "others=404"),
        of("screening", "stranger=404 foreign=404 others=200"),
        of("drafting", OPEN),
        of("pilot", OPEN),
    ],
    "legal_memorandum": [agreement("agreement", "others=302")],
    "legal_step": [
        of("draft", "stranger=302 others=404", "check"),
        *(of("drafting", INSIDE, step) for step in ("preparation", "mou", "check")),
    ],
    "legal_council": [of("drafting", INSIDE), of("pilot", INSIDE)],
    "legal_discussion": [of("screening", INSIDE), of("drafting", INSIDE)],
    "legal_paper": [part("legal_paper", "drafting", INSIDE)],
    "legal_approval": [part("legal_approval", "drafting", INSIDE)],
    "legal_supplied": [part("legal_supplied", "drafting", INSIDE)],
    "agreement_edit": [agreement("agreement", PARTIES)],
    "agreement_party": [agreement("agreement", "stranger=302 foreign=404 others=403 founder=200", 2)],
    "agreement_stamp": [agreement("sealed", "stranger=302 foreign=404 others=403 founder=200", 2)],
    "agreement_read": [agreement("agreement", PRESS)],
    "agreement_approve": [agreement("agreement", PRESS)],
    "agreement_open": [agreement("agreement", PRESS)],
    "agreement_sign": [agreement("sealed", "stranger=302 others=302")],
    "agreement_decline": [agreement("agreement", PARTIES)],
    "agreement_publish": [agreement("sealed", PRESS)],
    "agreement_certified": [agreement("sealed", INSIDE)],
    "agreement_newest": [agreement("sealed", INSIDE)],
    "agreement_report": [agreement("sealed", "stranger=302 others=404", 1)],
    "trust_list": [Visit("stranger=302 bureau=200 others=403")],
    "trust_revocations": [Visit(PRESS)],
    "trust_withdraw": [Visit("stranger=302 bureau=404 others=403", args=lambda _record, _side: (999,))],
    "agreement_negotiation": [agreement("agreement", INSIDE), agreement("sealed", INSIDE)],
    "agreement_propose": [
        Visit(PARTIES, "agreement", pk, query=f"?jenis={kind}&pasal=scope")
        for kind in ("tambah", "ubah", "pindah", "hapus")
    ],
    "agreement_proposal": [of_agreement(INSIDE, lambda side: side.at["proposal"].number)],
    "agreement_accept": [agreement("agreement", PRESS)],
    "agreement_comment": [agreement("agreement", f"{PARTIES} reviewer=200 reviewer2=200")],
    "agreement_settle": [of_agreement(PRESS, lambda side: side.at["comment"].pk)],
    "agreement_compare": [agreement("agreement", INSIDE)],
    "agreement_drafts": [agreement("agreement", INSIDE)],
    "agreement_docx": [agreement("agreement", INSIDE)],
    "agreement_draft": [
        of_agreement("stranger=302 founder=200 others=404", lambda side: side.at["brought"].pk)
    ],
    "agreement_version": [agreement("agreement", INSIDE, 1)],
    "agreement_sealed": [agreement("sealed", "stranger=404 foreign=404 others=200")],
    "agreement_number": [agreement("agreement", INSIDE)],
    "agreement_number_void": [agreement("agreement", "stranger=302 others=404", 999)],
    "number_book": [Visit("stranger=302 bureau=200 others=403")],
    "agreement_plan": [agreement("agreement", "stranger=302 foreign=404 others=403 bureau=200")],
    "agreement_parent": [agreement("agreement", "stranger=302 foreign=404 others=403 bureau=200")],
    "agreement_remote": [agreement("agreement", "others=302", "psre")],
    # Data.
    "partner_data": [Visit(OPEN, "seat", lambda _found, side: (side.world.partner.slug,))],
    "data_contract_list": [Visit(OPEN)],
    "data_contract": [Visit(OPEN, "data_contract", lambda it, _side: (it.contract, it.major))],
    "data_contract_new": [Visit("stranger=302 others=403 officer=200 bureau=200 analyst=200")],
    "data_contract_retire": [of_data("stranger=302 others=403 officer=200 bureau=200 analyst=200")],
    "data_flow": [of_data(FLOW)],
    "data_keys": [of_data(FLOW)],
    "data_key_new": [of_data(FLOW + " auditor=403")],
    "data_key_rotate": [Visit(PRESS_SIGNED_IN, "data_key", pk)],
    "data_key_stop": [Visit(FLOW + " auditor=403", "data_key", pk)],
    "data_quarantine": [of_data(FLOW)],
    "data_quarantine_again": [of_data(PRESS_SIGNED_IN)],
    "data_quarantined": [Visit(FLOW, "quarantined", pk)],
    "data_disbursements": [of_books(FLOW)],
    "data_disbursements_csv": [of_books(FLOW)],
    "data_disbursement": [of_books(FLOW, BATCH)],
    "data_disbursement_csv": [of_books(FLOW, BATCH)],
    "data_snap": [of_client(FLOW)],
    "data_snap_new": [of_client(FLOW + " auditor=403")],
    "data_snap_replace": [Visit(FLOW + " auditor=403", "snap_client", pk)],
    "data_contract_document": [Visit(OPEN, "data_contract", lambda it, _side: (it.contract, it.major))],
    # Signing.
    "ceremony_list": [Visit(OPEN)],
    "ceremony_new": [Visit("stranger=302 bureau=200 others=403")],
    "ceremony": [Visit(OPEN, "ceremony", pk)],
    "ceremony_board": [Visit(OPEN, "ceremony", pk)],
    "ceremony_turn": [Visit(PRESS, "ceremony", pk)],
    "ceremony_sign": [Visit("others=302", "ceremony", pk)],
    "verify": [Visit(OPEN)],
    # Pilots.
    "pilot": [
        of("pilot", INSIDE),
        of("offered", INSIDE),
        of("screening", INSIDE),
        of("draft", "stranger=302 founder=200 others=404"),
    ],
    "pilot_plan": [of("preparing", PLANNERS), of("pilot", PLANS_IT)],
    "pilot_site": [of("preparing", PLANNERS), of("pilot", PLANS_IT)],
    "pilot_site_remove": [part("site", "pilot", PRESS_SIGNED_IN)],
    "pilot_milestone": [of("preparing", PLANNERS), of("pilot", PLANS_IT)],
    "pilot_milestone_reached": [part("milestone", "pilot", f"{WORKS_ON_IT} analyst=403")],
    "pilot_obligation": [of("preparing", PLANNERS), of("pilot", PLANS_IT)],
    "pilot_obligation_met": [part("obligation", "pilot", PRESS_SIGNED_IN)],
    "pilot_evaluation": [of("preparing", f"{PLANNERS} analyst=200"), of("pilot", PLANS_IT)],
    "pilot_flow": [of("pilot", COMPUTES_PILOT)],
    "pilot_flow_series": [part("flow_measure", "pilot", INSIDE)],
    "pilot_flow_csv": [part("flow_measure", "pilot", INSIDE)],
    "pilot_flow_end": [part("flow_measure", "pilot", PRESS_SIGNED_IN)],
    "pilot_incident": [of("pilot", WORKS_ON_IT)],
    "pilot_incident_close": [
        part("incident", "pilot", "stranger=302 foreign=404 others=403 officer=200 bureau=200")
    ],
    "pilot_report": [
        of("pilot", "stranger=302 foreign=404 others=403 bureau=200", "bureau"),
        of("pilot", "stranger=302 foreign=404 others=403 officer=200", "agency"),
    ],
    "pilot_effect": [of("pilot", PLANS_IT)],
    "pilot_effect_verify": [of("pilot", PRESS_SIGNED_IN)],
    "pilot_evidence": [
        Visit("stranger=302 others=404", "pilot", lambda found, side: (found.reference, side.at["sealed"].pk))
    ],
    # Figures.
    "crosswalk": [Visit(OPEN)],
    "value_batches": [Visit(KEEPERS)],
    "value_new": [Visit(KEEPERS)],
    "value_batch": [Visit(KEEPS_IT, "batch", pk)],
    "value_faults_csv": [Visit(KEEPS_IT, "batch", pk)],
    "value_batch_act": [Visit(PRESS_SIGNED_IN, "batch", lambda found, _side: (found.pk, "ambil"))],
    "indicator": [Visit(OPEN, "flow", lambda _found, _side: ("mobility", "MOB-01"))],
    "indicator_flow_csv": [Visit(OPEN, "flow", lambda _found, _side: ("mobility", "MOB-01"))],
    "flow_sources": [Visit(COMPUTES)],
    "flow_source": [Visit(COMPUTES, args=lambda _found, _side: ("MOB-01",))],
    "flow_origin": [Visit(OPEN, "flow", pk)],
    "flow_origin_day": [
        Visit(OPEN, "flow", lambda found, side: (found.pk, f"laju-{side.name}", 1, "2026-05-01"))
    ],
    # The movement.
    "movement": [Visit(OPEN)],
    "index": [Visit(OPEN)],
    "index_run": [Visit(OPEN, "run", pk)],
    "index_try": [
        Visit(OPEN, "run", pk),
        Visit(OPEN, "run", pk, "?power=1&normalise=minmax&w_mobility=1&w_living=2"),
    ],
    "index_compare": [Visit(OPEN, "run", pk), Visit(OPEN, "run", pk, "?one=A&other=B")],
    "index_unit": [Visit(OPEN, "run", lambda found, _side: (found.pk, "A"))],
    "index_bundle": [Visit(OPEN, "run", pk)],
    "evaluations": [Visit(OPEN)],
    "evaluation_new": [Visit(MINISTRY)],
    "evaluation": [
        Visit("ministry=200 assessor=200 analyst=200 bureau=200 auditor=200 others=404", "evaluation", pk)
    ],
    "evaluation_score": [
        Visit(
            "stranger=302 assessor=200 ministry=403 analyst=403 bureau=403 auditor=403 others=404",
            "evaluation",
            pk,
        )
    ],
    "evaluation_survey": [
        Visit(
            "stranger=302 ministry=200 analyst=200 bureau=200 assessor=403 auditor=403 others=404",
            "evaluation",
            pk,
        )
    ],
    "evaluation_act": [
        Visit(PRESS_SIGNED_IN, "evaluation", lambda found, _side: (found.pk, "tutup")),
    ],
    "readiness_new": [
        Visit(
            "stranger=302 analyst=200 bureau=200 assessor=200 others=403",
            "evaluation",
            lambda found, _side: (found.city.slug,),
        )
    ],
    "cohort_members": [Visit(MINISTRY, args=lambda _found, _side: (2018,))],
    "city": [Visit(OPEN, "seat", lambda _found, side: (side.world.city.slug,))],
    "offer": [Visit(OPEN, "offer", pk)],
    "offer_new": [of("offered", "stranger=302 others=403 officer=302 bureau=302")],
    # Webhooks.
    "webhook_list": [Visit(SIGNED_IN)],
    "webhook_new": [
        firm("stranger=302 founder=200 others=404"),
        Visit(
            "stranger=302 officer=200 analyst=200 signatory=403 others=404",
            "data_contract",
            lambda _found, side: (side.world.agency.slug,),
        ),
    ],
    **{
        name: [Visit("stranger=302 founder=200 others=404", "webhook", pk)]
        for name in ("webhook", "webhook_edit", "webhook_secret", "webhook_remove")
    },
    "webhook_act": [Visit(PRESS_SIGNED_IN, "webhook", lambda found, _side: (found.pk, "uji"))],
    "webhook_delivery": [Visit("stranger=302 founder=200 others=404", "webhook", told)],
    "webhook_again": [Visit(PRESS_SIGNED_IN, "webhook", told)],
    # One's own.
    "inbox": [Visit(SIGNED_IN)],
    "notifications": [Visit(SIGNED_IN)],
    "notifications_read": [Visit(PRESS_SIGNED_IN)],
    "notification_preferences": [Visit(SIGNED_IN)],
    "notification": [Visit("stranger=302 founder=302 others=404", "news", pk)],
    "notification_unfollow": [Visit(PRESS_SIGNED_IN)],
    "people_account": [Visit(SIGNED_IN)],
    "people_key_new": [Visit("others=302")],
    "people_key_revoke": [Visit(PRESS_SIGNED_IN, "key", pk)],
    "people_erase": [Visit("others=302")],
    "people_organisation_new": [Visit(SIGNED_IN)],
    "people_organisation": [firm("stranger=302 founder=200 others=404")],
    "people_organisation_edit": [firm("stranger=302 founder=200 others=404")],
    "people_invitation_revoke": [firm(PRESS_SIGNED_IN, "invitation")],
    "people_member_role": [firm(PRESS_SIGNED_IN, "seat")],
    "people_member_end": [firm("stranger=302 founder=200 others=404", "seat")],
    "people_invitation_mine": [Visit("stranger=302 others=404", "invitation", pk)],
    "people_invitation": [Visit(OPEN, "seat", lambda _found, side: (side.at["token"],))],
}
