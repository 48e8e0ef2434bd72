"""Every form that changes something, with data good enough for those who may send it."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from balai.agreements.models import CouncilAnswer
from balai.agreements.queries import current_version
from balai.programme.models.assessment import COMPONENTS
from tests.indicators_builders import table
from tests.stories import make_pdf
from tests.walk.negotiation import CITY, edited
from tests.walk.pages import Visit, agreement, firm, of, of_agreement, of_client, of_data, part, pk
from tests.walk.town import Side
from tests.webhook_builders import told

PERSON = "anyone signed in"
LETTER = make_pdf("baru")
"""Made once: a PDF says when it was made, so that two are never equal."""


@dataclass(frozen=True, slots=True)
class Press:
    """One form of one page: its data, who may send it, and one of them who can now.

    Where nobody can now, as the record stands elsewhere, ``now`` is empty: then all are refused.
    """

    page: str
    visit: Visit
    data: Callable[[Side], dict[str, Any]]
    who: str
    now: str = ""


def simple(**data: Any) -> Callable[[Side], dict[str, Any]]:
    return lambda _side: data


def said(side: Side) -> dict[str, Any]:
    return {"agency": side.world.agency.slug, "text": "Trotoar diperbaiki bulan depan, mulai dari sekolah."}


def paper(_side: Side) -> dict[str, Any]:
    return {"kind": "letter", "letter-file": SimpleUploadedFile("surat.pdf", LETTER)}


def seen_hash(side: Side) -> dict[str, Any]:
    version = current_version(side.at["agreement"])
    assert version is not None
    return {"seen": version.document.sha256}


def council_answers(side: Side) -> dict[str, Any]:
    last = CouncilAnswer.objects.filter(case__collaboration=side.at["drafting"]).first()
    reasons = {"answer-burdens_reason": "Tidak ada beban.", "answer-unbudgeted_reason": "Belum dianggarkan."}
    answers = {"do": "answer", "answer-burdens": "no", "answer-unbudgeted": "yes"}
    return answers | reasons | {"answer-seen": last.pk if last else 0}


def report(form: str) -> Callable[[Side], dict[str, Any]]:
    from balai.pilots.monitoring import questions

    answers = {question.key: "Baik." for question in questions(form)}
    return simple(period="2026-S2", rating="4", advice="continue", **answers)


def incident(_side: Side) -> dict[str, Any]:
    moment = timezone.localtime().strftime("%Y-%m-%dT%H:%M")
    return {"severity": "minor", "happened_at": moment, "people_hurt": "0", "text": "Ban bocor."}


def on_paper(side: Side) -> dict[str, Any]:
    facts = {"kind": "mou", "title": "Kesepakatan lama", "partners": "PT Lain", "source": "Arsip"}
    return facts | {"signed_on": "2018-02-01", "certainty": "copy", "city_party": side.world.agency.pk}


def corrected(side: Side) -> dict[str, Any]:
    return on_paper(side) | {"reason": "Judul salah tulis."}


def ending(_side: Side) -> dict[str, Any]:
    day = timezone.localdate() + dt.timedelta(days=9)
    return {"way": "consent", "text": "Tujuan tercapai.", "effective_on": day.isoformat()}


def checks(side: Side) -> dict[str, Any]:
    return {item.key: "yes" for item in side.at["screening"].scheme.checklist}


def judgement(side: Side) -> dict[str, Any]:
    marks = {f"score_{criterion.key}": "3" for criterion in side.at["review"].scheme.criteria}
    return marks | {"recommendation": "accept", "comment": "Layak.", "do": "submit"}


def figures(side: Side) -> dict[str, Any]:
    file = SimpleUploadedFile("angka.csv", table([side.world.code, "MOB-01", "2025", "24", "Dishub"]))
    return {"file": file, "city": side.world.city.pk}


def marks(_side: Side) -> dict[str, Any]:
    return dict.fromkeys(COMPONENTS, "70") | {f"{key}_reason": "Dokumen" for key in COMPONENTS}


def answers(_side: Side) -> dict[str, Any]:
    about = {"programme": "Aduan", "dimension": "governance", "how": "acak"}
    about |= {"held_from": "2026-05-01", "held_until": "2026-05-09"}
    return about | {f"n{n}": "12" for n in range(1, 6)}


def evaluated(what: str) -> Visit:
    return Visit("", "evaluation", lambda found, _side: (found.pk, what))


def site(_side: Side) -> dict[str, Any]:
    return {"name": "Taman lain", "latitude": "-6.21", "longitude": "106.81", "radius_m": "90"}


def evaluation(side: Side) -> dict[str, Any]:
    plan = {"baseline": "25", "baseline_period": "2026", "target": "20", "method": "Sebelum dan sesudah."}
    return plan | {"indicator": side.world.indicator.pk}


WEBHOOK = {"url": "http://127.0.0.1:9/balai", "events": ["data.key_made", "pilot.suspended"]}
DESK = "bureau analyst"
NEED_DESK = "officer bureau analyst"
WRITERS = "officer bureau analyst"
CITY_SIDE = "officer bureau"
TEXT = "founder officer bureau signatory"
OTHER_SIDE = "officer bureau signatory"
SPEAKERS = " ".join(("founder", *CITY))
PLANNERS = "founder officer bureau"
WORKERS = "founder officer bureau analyst"
PARTNER_OF_START = {"scheme": "playground", "title": "Usul baru"}

DATA = "founder officer bureau analyst"
LIVE = {"sandbox": "live", "rows_per_second": "10"}

PRESSES = [
    # Data. A new key and a row's text are shown in the answer to the press: those answers are no redirects.
    Press("data_contract_new", Visit(""), simple(document="id: x"), WRITERS),
    Press("data_contract_retire", of_data(""), simple(reason="Uji coba selesai."), WRITERS, "bureau"),
    Press("data_key_new", of_data(""), simple(**LIVE), DATA),
    Press("data_key_rotate", Visit("", "data_key", pk), simple(), DATA),
    Press("data_key_stop", Visit("", "data_key", pk), simple(reason="Kunci bocor."), DATA, "founder"),
    Press("data_quarantine_again", of_data(""), simple(), DATA, "analyst"),
    Press("data_quarantined", Visit("", "quarantined", pk), simple(do="open"), DATA),
    Press("data_quarantined", Visit("", "quarantined", pk), simple(do="again"), DATA, "founder"),
    Press("data_snap_new", of_client(""), simple(sandbox="live", public_key="PEM"), DATA),
    Press("data_snap_replace", Visit("", "snap_client", pk), simple(public_key="PEM"), DATA),
    # Needs.
    Press("need_act", of("need", "", "dukung"), simple(), PERSON, "neighbour"),
    Press("need_act", of("need", "", "ikuti"), simple(), PERSON, "neighbour"),
    Press("need_act", of("need", "", "jawab"), said, NEED_DESK, "officer"),
    Press(
        "need_act", of("need", "", "tolak"), lambda s: said(s) | {"reason": "ongoing"}, NEED_DESK, "officer"
    ),
    Press(
        "need_act",
        of("need", "", "sembunyikan"),
        simple(reason="Memuat data pribadi."),
        f"{DESK} superuser",
        "bureau",
    ),
    Press("need_act", of("hidden", "", "tampilkan"), simple(), DESK, "bureau"),
    Press(
        "need_terms",
        Visit(""),
        simple(answer_days="4", needs_per_day="3", confirmations="2"),
        DESK,
        "bureau",
    ),
    # Challenges.
    Press(
        "challenge_new",
        Visit(""),
        lambda side: {"agency": side.world.agency.slug, "title": "Halte teduh lain"},
        WRITERS,
        "officer",
    ),
    Press(
        "challenge_edit",
        of("challenge_draft", ""),
        lambda side: {"title": "Judul lain", "seen": side.at["challenge_draft"].revision},
        WRITERS,
        "officer",
    ),
    Press("challenge_follow", of("challenge", ""), simple(), PERSON, "neighbour"),
    Press("challenge_ask", of("challenge", ""), simple(text="Apakah boleh malam hari?"), PERSON, "neighbour"),
    Press("challenge_answer", part("question", "challenge", ""), simple(text="Ada 200."), WRITERS, "officer"),
    Press("challenge_act", of("challenge", "", "tutup"), simple(reason="Cukup."), WRITERS, "officer"),
    # Applications.
    Press(
        "application_start",
        Visit(""),
        lambda side: PARTNER_OF_START | {"partner": side.world.partner.pk, "city": side.world.city.pk},
        "founder",
        "founder",
    ),
    Press(
        "application_section",
        of("draft", "", "about"),
        simple(**{"b-title": "Judul baru", "b-summary": "Ringkas", "revision": "0", "seen": ""}),
        "founder",
    ),
    Press("application_papers", of("draft", ""), paper, "founder", "founder"),
    Press("application_file_out", part("attachment", "screening", ""), simple(), ""),
    Press("application_submit", of("draft", ""), simple(seen="draft"), "founder", "founder"),
    Press("application_screening", of("screening", ""), checks, "bureau", "bureau"),
    Press("application_review", of("review", ""), judgement, "reviewer reviewer2", "reviewer2"),
    Press(
        "application_conflict", of("review", ""), simple(reason="Saudara."), "reviewer reviewer2", "reviewer2"
    ),
    # Collaborations.
    Press("collaboration_follow", of("pilot", ""), simple(), PERSON, "neighbour"),
    Press(
        "collaboration_move",
        of("screening", "", "return"),
        simple(seen="screening", reason="Surat kurang."),
        "bureau",
        "bureau",
    ),
    Press(
        "collaboration_move",
        of("screening", "", "reject_screening"),
        simple(seen="screening", grounds="Bukan wewenang kota."),
        "bureau",
        "bureau",
    ),
    Press(
        "collaboration_move",
        of("draft", "", "withdraw"),
        simple(seen="draft", reason="Batal."),
        "founder",
        "founder",
    ),
    Press(
        "collaboration_move",
        of("pilot", "", "suspend"),
        simple(seen="running", authority="Kepala Dinas", reason="Pemeriksaan."),
        "officer bureau signatory",
        "officer",
    ),
    # Agreements.
    Press("agreement_memorandum", Visit(""), simple(title_id="Kesepakatan"), "bureau"),
    Press("agreement_paper", Visit(""), on_paper, "bureau", "bureau"),
    Press("agreement_paper_many", Visit(""), simple(content="jenis;judul"), "bureau"),
    Press("agreement_paper_correct", agreement("paper", ""), corrected, "bureau", "bureau"),
    Press("agreement_affair", agreement("sealed", ""), simple(affair="transport"), "bureau", "bureau"),
    Press(
        "agreement_addendum",
        agreement("sealed", ""),
        simple(reason="Diperjelas.", articles=["dispute"]),
        TEXT,
        "founder",
    ),
    Press("agreement_end", agreement("sealed", ""), ending, TEXT, "officer"),
    Press("agreement_end_answer", agreement("sealed", "", 999, "setuju"), simple(seen="0" * 64), ""),
    Press("agreement_handed_over", agreement("sealed", "", 999), simple(), ""),
    Press("agreement_of", of("screening", ""), simple(), ""),
    Press(
        "agreement_read",
        agreement("agreement", ""),
        simple(),
        "founder officer bureau reviewer reviewer2 analyst signatory auditor",
        "founder",
    ),
    Press(
        "agreement_party",
        agreement("agreement", "", 2),
        simple(signatory_name="Nama", signatory_title="Direktur", mandate="Akta 1"),
        "founder",
        "founder",
    ),
    Press(
        "agreement_party",
        agreement("agreement", "", 1),
        simple(signatory_name="Nama", signatory_title="Kepala", mandate="Surat Kuasa 1"),
        "officer bureau signatory",
        "officer",
    ),
    Press("agreement_stamp", agreement("sealed", "", 2), simple(serial="1" * 22), "founder", "founder"),
    Press("agreement_approve", agreement("agreement", ""), seen_hash, TEXT, "founder"),
    Press("agreement_open", agreement("agreement", ""), simple(), ""),
    Press("agreement_sign", agreement("agreement", ""), lambda s: seen_hash(s) | {"consent": "on"}, ""),
    Press(
        "agreement_number",
        agreement("agreement", ""),
        simple(place="2", number="8/W/2026"),
        "founder",
        "founder",
    ),
    Press("agreement_number", agreement("agreement", ""), simple(place="1", number="9/W/2026"), ""),
    Press("agreement_number_void", agreement("agreement", "", 999), simple(reason="Salah."), ""),
    Press("number_book", Visit(""), simple(template="{serial}"), ""),
    Press("agreement_plan", agreement("agreement", ""), simple(mode="desk"), "bureau", "bureau"),
    Press("agreement_parent", agreement("agreement", ""), simple(memorandum="x"), ""),
    Press("agreement_remote", agreement("agreement", "", "psre"), simple(user_id="x"), ""),
    Press("ceremony_new", Visit(""), simple(title="Upacara"), ""),
    Press("ceremony_turn", Visit("", "ceremony", pk), simple(to="open"), "bureau", "bureau"),
    Press("ceremony_sign", Visit("", "ceremony", pk), simple(consent="on"), ""),
    Press(
        "agreement_decline", agreement("agreement", ""), simple(reason="Syarat tidak cocok."), TEXT, "founder"
    ),
    Press(
        "agreement_propose",
        Visit("", "agreement", pk, query="?jenis=tambah"),
        lambda side: {
            "seen": current_version(side.at["agreement"]).number,
            "heading_id": "Audit",
            "id": "Audit setahun sekali.",
            "after": "scope",
            "reason": "Perlu.",
        },
        TEXT,
        "founder",
    ),
    Press(
        "agreement_proposal",
        of_agreement("", lambda side: side.at["proposal"].number),
        simple(answer="accept"),
        OTHER_SIDE,
        "officer",
    ),
    Press(
        "agreement_proposal",
        of_agreement("", lambda side: side.at["proposal"].number),
        simple(answer="withdraw"),
        "founder",
        "founder",
    ),
    Press(
        "agreement_accept",
        agreement("agreement", ""),
        lambda side: {"proposal": [side.at["proposal"].number]},
        OTHER_SIDE,
        "bureau",
    ),
    Press(
        "agreement_comment",
        agreement("agreement", ""),
        simple(text="Jelas.", audience="own"),
        SPEAKERS,
        "reviewer",
    ),
    Press(
        "agreement_settle",
        of_agreement("", lambda side: side.at["comment"].pk),
        simple(settled="1"),
        SPEAKERS,
        "founder",
    ),
    Press(
        "agreement_drafts",
        agreement("agreement", ""),
        lambda side: {"file": SimpleUploadedFile("naskah.docx", edited(side.at["agreement"], "Lain."))},
        TEXT,
        "bureau",
    ),
    Press(
        "agreement_draft",
        of_agreement("", lambda side: side.at["brought"].pk),
        simple(item_0="on", reason="Perlu."),
        "founder",
        "founder",
    ),
    Press(
        "agreement_publish", agreement("sealed", ""), simple(public="1"), "officer bureau signatory", "bureau"
    ),
    Press(
        "legal_step",
        of("drafting", "", "preparation"),
        simple(**{"do": "done", "done-reason": "Urusan dipetakan."}),
        "officer bureau",
        "officer",
    ),
    Press(
        "legal_step",
        of("drafting", "", "mou"),
        simple(**{"do": "out", "out-state": "waived", "out-rule": "hub", "out-reason": "Tanpa payung."}),
        "bureau",
        "bureau",
    ),
    Press("legal_step", of("drafting", "", "council"), simple(do="out"), ""),
    Press("legal_council", of("drafting", ""), council_answers, "bureau", "bureau"),
    Press("legal_council", of("pilot", ""), council_answers, ""),
    Press(
        "legal_discussion",
        of("drafting", ""),
        simple(**{"do": "opinion", "opinion-aspect": "technical", "opinion-verdict": "agrees"}),
        "reviewer reviewer2",
        "reviewer2",
    ),
    Press(
        "legal_discussion",
        of("drafting", ""),
        simple(**{"do": "supply", "supply-supplied": "Terlampir."}),
        "founder bureau",
        "founder",
    ),
    Press(
        "legal_discussion",
        of("drafting", ""),
        simple(**{"do": "close", "close-agreed": "no", "close-grounds": "Belum siap."}),
        "reviewer bureau",
        "reviewer",
    ),
    # Pilots.
    Press(
        "pilot_plan",
        of("preparing", ""),
        simple(starts_on="2026-01-01", ends_on="2026-06-01"),
        PLANNERS,
        "founder",
    ),
    Press("pilot_site", of("preparing", ""), site, PLANNERS, "founder"),
    Press("pilot_site", of("pilot", ""), site, ""),
    Press("pilot_site_remove", part("planned_site", "preparing", ""), simple(), PLANNERS, "officer"),
    Press("pilot_site_remove", part("site", "pilot", ""), simple(), ""),
    Press(
        "pilot_milestone", of("preparing", ""), simple(title="Lain", due_on="2026-06-01"), PLANNERS, "bureau"
    ),
    Press("pilot_obligation", of("preparing", ""), simple(side="city", text="Lain"), PLANNERS, "founder"),
    Press("pilot_evaluation", of("preparing", ""), evaluation, f"{PLANNERS} analyst", "analyst"),
    Press("pilot_evaluation", of("pilot", ""), evaluation, ""),
    Press("pilot_incident", of("pilot", ""), incident, WORKERS, "founder"),
    Press(
        "pilot_incident_close",
        part("incident", "pilot", ""),
        simple(measures="Rem diganti."),
        CITY_SIDE,
        "officer",
    ),
    Press(
        "pilot_flow",
        of("pilot", ""),
        lambda side: {
            "name": "Jarak",
            "figure": f"laju-{side.name} v1/distance_m",
            "aggregate": "mean",
            "purpose": "indicators",
            "zones": "",
        },
        "officer bureau analyst",
        "analyst",
    ),
    Press(
        "pilot_flow_end",
        part("flow_measure", "pilot", ""),
        simple(),
        "officer bureau analyst",
        "officer",
    ),
    Press("pilot_report", of("pilot", "", "bureau"), report("bureau"), "bureau", "bureau"),
    Press("pilot_report", of("pilot", "", "partner"), report("partner"), "founder", "founder"),
    Press("pilot_report", of("pilot", "", "agency"), report("agency"), "officer", "officer"),
    Press(
        "pilot_milestone_reached",
        part("milestone", "pilot", ""),
        simple(),
        "founder officer bureau",
        "founder",
    ),
    Press(
        "pilot_obligation_met", part("obligation", "pilot", ""), simple(), "founder officer bureau", "officer"
    ),
    Press("pilot_effect", of("pilot", ""), simple(observed="20", period="2026"), ""),
    Press("pilot_effect_verify", of("offered", ""), simple(seen="22.9"), ""),
    # Figures.
    Press("value_new", Visit(""), figures, "bureau analyst ministry", "analyst"),
    *(
        Press(
            "value_batch_act",
            Visit("", "batch", lambda found, _side, what=what: (found.pk, what)),
            simple(),
            "bureau analyst ministry",
            "analyst",
        )
        for what in ("ambil", "buang")
    ),
    Press(
        "flow_source",
        Visit("", args=lambda _found, _side: ("MOB-01",)),
        lambda side: {"definition": side.at["flow"].source.definition, "seen": "1"},
        "bureau analyst",
        "analyst",
    ),
    # The movement.
    Press(
        "evaluation_new",
        Visit(""),
        lambda side: {"city": side.world.city.pk, "year": "2025", "method": "sleman"},
        "ministry",
        "ministry",
    ),
    Press("evaluation_score", Visit("", "evaluation", pk), marks, "neighbour", "neighbour"),
    Press("evaluation_survey", Visit("", "evaluation", pk), answers, "ministry analyst bureau", "analyst"),
    Press("evaluation_act", evaluated("tunjuk"), simple(email="warga@tanda.id"), "ministry", "ministry"),
    Press("evaluation_act", evaluated("mundur"), simple(reason="Saudara"), "neighbour", "neighbour"),
    Press("evaluation_act", evaluated("tutup"), simple(), ""),
    Press(
        "readiness_new",
        Visit("", "evaluation", lambda found, _side: (found.city.slug,)),
        lambda _side: {
            "year": timezone.localdate().year,
            "element": "structure.money",
            "level": "2",
            "evidence": "APBD",
        },
        "analyst bureau neighbour",
        "analyst",
    ),
    Press(
        "cohort_members",
        Visit("", args=lambda _found, _side: (2018,)),
        simple(codes="3273", source="Daftar", as_of="2018-05-08"),
        "ministry",
        "ministry",
    ),
    Press("offer_new", of("offered", ""), simple(what="Cara"), ""),
    Press(
        "offer",
        Visit("", "offer", pk),
        lambda side: {"organisation": side.world.agency.pk, "message": "Kami tiru."},
        "other_officer other_bureau other_reviewer",
    ),
    # Webhooks.
    Press("webhook_new", firm(""), simple(**WEBHOOK, scheme="v1"), "founder"),
    Press("webhook_edit", Visit("", "webhook", pk), simple(**WEBHOOK), "founder", "founder"),
    Press("webhook_secret", Visit("", "webhook", pk), simple(), "founder"),
    Press("webhook_remove", Visit("", "webhook", pk), simple(), "founder", "founder"),
    *(
        Press("webhook_act", Visit("", "webhook", lambda it, _side, what=what: (it.pk, what)), simple(), *who)
        for what, who in {
            "uji": ("founder", "founder"),
            "jeda": ("founder", "founder"),
            "lanjut": ("founder",),
            "ulangi": ("founder", "founder"),
        }.items()
    ),
    Press("webhook_again", Visit("", "webhook", told), simple(), "founder", "founder"),
    # Organisations and accounts.
    Press(
        "people_organisation", firm(""), simple(email="baru@contoh.id", role="staff"), "founder", "founder"
    ),
    Press("people_organisation_edit", firm(""), simple(about="Sepeda listrik."), "founder", "founder"),
    Press("people_invitation_revoke", firm("", "invitation"), simple(), "founder", "founder"),
    Press("people_member_role", firm("", "seat"), simple(role="staff"), "founder"),
    Press("people_member_end", firm("", "seat"), simple(), "founder"),
    Press("people_key_revoke", Visit("", "key", pk), simple(), "founder", "founder"),
    Press("people_invitation_mine", Visit("", "invitation", pk), simple(), ""),
    Press("people_invitation", Visit("", "seat", lambda _found, side: (side.at["token"],)), simple(), ""),
    Press("people_key_new", Visit(""), simple(name="Kunci", scopes=["needs:read"], days="30"), ""),
    Press("people_erase", Visit(""), simple(understood="on"), ""),
    Press("people_account", Visit(""), simple(name="Nama baru", language="id"), PERSON, "neighbour"),
    Press("people_organisation_new", Visit(""), simple(kind="company", name="PT Baru"), PERSON),
    Press("notification_preferences", Visit(""), simple(), PERSON),
    Press("notifications_read", Visit(""), simple(upto="999999"), PERSON),
    Press("notification_unfollow", Visit(""), simple(thread="need:x"), PERSON),
    Press("need_new", Visit(""), simple(title="x"), PERSON),
]
