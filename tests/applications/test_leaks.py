"""Every page of an application, as every role, at every stage, with data of others that could leak."""

from io import BytesIO

import pytest
from django.contrib.auth.models import AnonymousUser

from balai.applications import actions
from balai.applications.models import Application
from balai.applications.rules import (
    ANSWERS,
    CHECKS,
    CONFLICTED,
    DECISION,
    FILES,
    MATRIX,
    NAMES,
    PARTNER,
    PUBLIC,
    REMARKS,
    REVIEWS,
    hat_of,
    sight,
)
from balai.people.models import Role, User
from tests.applications_builders import (
    complete,
    founder_of,
    fresh,
    make_draft,
    make_in_review,
    make_submitted,
    marks,
    move,
    passing,
    pdf,
)
from tests.builders import (
    client_of,
    make_agency,
    make_analyst,
    make_auditor,
    make_bureau,
    make_city,
    make_founder,
    make_ministry,
    make_officer,
    make_signatory,
    make_tkksd,
    make_user,
    seat,
)

pytestmark = pytest.mark.django_db

SECRETS = {
    "answers": "MARK-ANSWER",
    "files": "MARK-FILE.pdf",
    "checks": "MARK-CHECK",
    "reviews": "MARK-COMMENT",
    "names": "MARK-REVIEWER",
    "decision": "MARK-GROUNDS",
    "draft": "MARK-UNSUBMITTED",
}
PAGES = (
    "",
    "cetak/",
    "jawaban.csv",
    "periksa/",
    "penilaian/",
    "ringkasan/",
    "ajukan/",
    "berkas/",
    "bagian/what/",
)
LISTS = ("/permohonan/", "/permohonan/kota/", "/permohonan/kota.csv", "/permohonan/mulai/", "/kolaborasi/")


def people(application: Application) -> dict[str, User | None]:
    """One person of every kind, here and elsewhere, and a stranger."""
    collaboration = application.collaboration
    elsewhere = make_city("3273")
    conflicted = make_tkksd()
    if collaboration.submitted_at:
        actions.declare_conflict(application=application, by=conflicted, reason="Kerabat.")
    return {
        "stranger": None,
        "citizen": make_user(),
        "rival": make_founder(),
        "founder": founder_of(application),
        "bureau": make_bureau(),
        "tkksd": make_tkksd(),
        "tkksd_conflicted": conflicted,
        "tkksd_of_the_partner": seat(make_tkksd(), collaboration.partner, Role.STAFF),
        "owner": make_officer(collaboration.agency),
        "officer": make_officer(make_agency(make_city())),
        "analyst": make_analyst(),
        "signatory": make_signatory(),
        "auditor": make_auditor(make_city()),
        "ministry": seat(make_user(), make_ministry(), Role.MINISTRY),
        "bureau_elsewhere": make_bureau(elsewhere),
        "tkksd_elsewhere": make_tkksd(elsewhere),
        "auditor_elsewhere": make_auditor(elsewhere),
        "rival_reviewer": seat(make_tkksd(), make_founder().hats[0].organisation, Role.STAFF),
    }


def seen_by(user: User | None, application: Application) -> set[str]:
    """Which secrets any page shows this person."""
    client = client_of(user)
    reference = application.collaboration.reference
    found = set()
    addresses = [f"{start}/permohonan/{reference}/{name}" for name in PAGES for start in ("", "/en")]
    addresses += [*LISTS, f"/kolaborasi/{reference}/", f"/api/v1/applications/{reference}"]
    addresses += [
        f"/permohonan/{reference}/berkas/{attachment.pk}/" for attachment in application.attachments.all()
    ]
    for address in addresses:
        response = client.get(address)
        assert response.status_code in (200, 302, 401, 403, 404), (address, response.status_code)
        streamed = getattr(response, "streaming", False)
        if streamed:
            found.add("files")
            assert b"".join(response.streaming_content).startswith(b"%PDF")
            continue
        text = response.content.decode()
        found |= {name for name, mark in SECRETS.items() if mark in text}
    return found


def told(application: Application) -> None:
    """Put a mark into every part that could leak."""
    reviewer = make_tkksd(name=SECRETS["names"])
    actions.submit_review(
        application=application,
        by=reviewer,
        scores=marks(application),
        recommendation="accept",
        comment=SECRETS["reviews"],
    )
    second = make_tkksd(name=f"{SECRETS['names']}-2")
    actions.submit_review(
        application=application,
        by=second,
        scores=marks(application),
        recommendation="reject",
        comment="Tidak.",
    )
    actions.save_review(
        application=application,
        by=make_tkksd(),
        scores={},
        recommendation="reject",
        comment=SECRETS["draft"],
    )


def marked(**extra) -> Application:
    application = make_draft(**extra)
    application = complete(application, mark=SECRETS["answers"])
    actions.attach(
        application=application,
        by=founder_of(application),
        kind="licence",
        file=BytesIO(pdf("akta")),
        name=SECRETS["files"],
    )
    return fresh(application)


STAFF_FORM = {"answers", "files"}
ALL = {"answers", "files", "checks", "reviews", "names"}
NOBODY: dict[str, set[str]] = {
    "stranger": set(),
    "citizen": set(),
    "rival": set(),
    "ministry": set(),
    "bureau_elsewhere": set(),
    "tkksd_elsewhere": set(),
    "auditor_elsewhere": set(),
}


def test_a_draft_is_seen_by_its_own_people_only():
    application = marked()
    everyone = people(application)

    seen = {name: seen_by(user, application) for name, user in everyone.items()}

    own = {"founder": STAFF_FORM, "tkksd_of_the_partner": STAFF_FORM}
    assert seen == {name: set() for name in everyone} | own


def test_under_review_each_sees_their_part_and_no_more():
    bureau = make_bureau()
    application = move(marked(), "submit", founder_of(Application.objects.get()))
    actions.record_checks(
        application=application, by=bureau, findings=passing(application, note=SECRETS["checks"])
    )
    application = move(application, "pass_screening", bureau)
    told(application)
    everyone = people(application)

    seen = {name: seen_by(user, application) for name, user in everyone.items()}

    assert seen == NOBODY | {
        "founder": STAFF_FORM,
        "tkksd_of_the_partner": STAFF_FORM,
        "bureau": ALL,
        "tkksd": STAFF_FORM | {"checks"},
        "rival_reviewer": STAFF_FORM | {"checks"},
        "tkksd_conflicted": set(),
        "owner": STAFF_FORM | {"checks"},
        "officer": STAFF_FORM,
        "analyst": STAFF_FORM,
        "signatory": STAFF_FORM,
        "auditor": ALL,
    }


def test_a_rejection_is_read_by_the_partner_and_stays_inside():
    bureau = make_bureau()
    application = move(marked(), "submit", founder_of(Application.objects.get()))
    actions.record_checks(
        application=application, by=bureau, findings=passing(application, note=SECRETS["checks"])
    )
    application = move(application, "pass_screening", bureau)
    told(application)
    everyone = people(application)
    application = move(application, "close_review", bureau)
    application = move(application, "reject", bureau, record={"grounds": SECRETS["decision"]})

    seen = {name: seen_by(user, application) for name, user in everyone.items()}

    decided = STAFF_FORM | {"decision"}
    assert seen == NOBODY | {
        "founder": decided,
        "tkksd_of_the_partner": decided,
        "bureau": ALL | {"decision"},
        "tkksd": decided | {"checks"},
        "rival_reviewer": decided | {"checks"},
        "tkksd_conflicted": {"decision"},
        "owner": decided | {"checks"},
        "officer": decided,
        "analyst": decided,
        "signatory": decided,
        "auditor": ALL | {"decision"},
    }


def test_while_it_is_completed_the_partner_reads_what_to_put_right_and_the_city_the_old_text():
    bureau = make_bureau()
    application = make_submitted(mark="Lama")
    by = founder_of(application)
    actions.record_checks(
        application=application,
        by=bureau,
        findings=passing(application) | {"safety": (False, SECRETS["checks"])},
    )
    before = seen_by(by, application)
    application = move(application, "return", bureau, reason="Lengkapi.")
    actions.save_draft(
        application=application,
        by=by,
        revision=application.revision,
        answers={"purpose": SECRETS["draft"]},
    )

    assert "checks" not in before
    assert "checks" in seen_by(by, application)
    assert "draft" not in seen_by(bureau, application)


def test_a_reviewer_sees_the_others_after_their_own_and_never_a_draft():
    application = make_in_review()
    told(application)
    reviewer = make_tkksd()
    before = seen_by(reviewer, application)

    actions.submit_review(
        application=application,
        by=reviewer,
        scores=marks(application),
        recommendation="accept",
        comment="Ya.",
    )
    after = seen_by(reviewer, application)

    assert before & {"reviews", "names", "draft"} == set()
    assert after & {"reviews", "names", "draft"} == {"reviews", "names"}


def test_a_second_startups_application_stays_its_own():
    other = marked(founder=make_founder(), title="Milik orang")
    move(other, "submit", founder_of(other))
    application = complete(make_draft(make_founder(), title="Milik sendiri"), mark="Biasa")
    rival = client_of(founder_of(application))

    assert "Milik orang" not in rival.get("/permohonan/").content.decode()
    assert rival.get(f"/permohonan/{other.collaboration.reference}/").status_code == 404
    attachment = other.attachments.first()
    own = application.collaboration.reference
    assert rival.get(f"/permohonan/{own}/berkas/{attachment.pk}/").status_code == 404


def test_no_address_of_another_firm_can_be_written_to():
    application = marked()
    revision = fresh(application).revision
    reference = application.collaboration.reference
    rival = client_of(make_founder())
    attachment = application.attachments.first()

    answers = [
        rival.post(f"/permohonan/{reference}/{name}", {"seen": "draft", "kind": "letter", "do": "submit"})
        for name in (*PAGES, f"berkas/{attachment.pk}/keluarkan/", "penilaian/benturan/")
        if name not in ("", "cetak/", "jawaban.csv", "ringkasan/")
    ]

    assert {response.status_code for response in answers} == {404}
    assert fresh(application).revision == revision
    assert fresh(application).collaboration.stage == "draft"


def test_the_matrix_gives_scores_and_names_to_nobody_outside_the_city():
    for hat in (PARTNER, PUBLIC, CONFLICTED):
        for parts in MATRIX[hat].values():
            assert not parts & {REVIEWS, NAMES, CHECKS}
    for state, parts in MATRIX[PUBLIC].items():
        assert parts == ({DECISION} if state == "decided_public" else set())


def test_a_stranger_stands_outside():
    application = make_submitted()

    assert hat_of(AnonymousUser(), application) == PUBLIC
    assert sight(AnonymousUser(), application) == frozenset()
    assert sight(founder_of(application), application) == {ANSWERS, FILES}
    assert REMARKS not in sight(founder_of(application), application)
