"""The hard stops, each tried by page, by the interface and by two people at once: none can be passed."""

import json
import threading
from collections.abc import Callable
from datetime import date
from io import BytesIO

import pytest
from allauth.account.internal.flows.login import record_authentication
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.http import HttpRequest

from balai.agreements import rules
from balai.agreements.actions import approve_version, bring_signed, open_signing, propose_version, sign
from balai.agreements.legal import answer_council, file_approval, withdraw_approval
from balai.agreements.models import Agreement, CouncilAnswer, CouncilApproval, Party, Signature
from balai.collaborations.actions import make_move
from balai.core.errors import BalaiError, Refused
from balai.core.models import Entry
from balai.observations.models import Dataset
from balai.people.models import User
from tests.agreements_builders import Cast, answer_no, make_agreement, make_cast, sha_of
from tests.agreements_many import open_memorandum
from tests.builders import client_of
from tests.stories import World, make_pdf

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_english")]

FLOW = {"name": {"id": "Wajah", "en": "Faces"}, "direction": "to_city", "personal": True}
COUNCIL = (
    "Rule: The council (DPRD) approves where the plan burdens society and the region, or its funding is not"
    " yet in the current year's regional budget. Source: When the council (DPRD) approves: Samarinda's"
    " questions and answers; the same rule for cooperation between regions at Bandung (known from secondary"
    " sources). Who can lift it: the cooperation bureau, by answering both questions or filing the council's"
    " approval."
)
UNANSWERED = f"The two questions about council (DPRD) approval are not answered. {COUNCIL}"
NEEDED = f"The council's (DPRD) approval is needed and missing. {COUNCIL}"
DATA = (
    "Personal data flows without legal basis, controller or retention: Wajah. Rule: A flow of personal data"
    " names its legal basis, controller and retention. Source: UU 27/2022 on personal data protection (to be"
    " checked by counsel). Who can lift it: either party, by completing the schedule of data flows."
)
BUDGET = (
    "Regional budget (APBD) is spent and no procurement reference is named. Rule: Regional budget is spent"
    " through procurement; a PKS alone is not enough. Source: Perpres 16/2018 as amended by 12/2021 on public"
    " procurement (to be checked by counsel). Who can lift it: the agency, by entering the procurement"
    " reference in the agreement."
)


def answer(cast: Cast, *, needed: bool, by: User | None = None) -> CouncilAnswer:
    return answer_council(
        subject=cast.collaboration,
        burdens=False,
        burdens_reason="Tidak ada beban.",
        unbudgeted=needed,
        unbudgeted_reason="Belum ada dalam APBD.",
        by=by or cast.bureau,
    )


def approve(cast: Cast) -> CouncilApproval:
    return file_approval(
        subject=cast.collaboration,
        number="12/DPRD/2026",
        dated_on=date(2026, 1, 5),
        file=BytesIO(make_pdf("persetujuan")),
        name="persetujuan.pdf",
        by=cast.bureau,
    )


def by_page(user: User, reference: str, move: str, seen: str) -> tuple[int, str]:
    """What the page of a move answers, and what it says."""
    response = client_of(user, language="en").post(
        f"/en/kolaborasi/{reference}/langkah/{move}/", {"seen": seen}
    )
    return response.status_code, response.content.decode().replace("&#x27;", "'")


def by_interface(user: User, reference: str, move: str, seen: str) -> tuple[int, str]:
    """What the interface answers to a move, and its reason."""
    response = client_of(user, language="en").post(
        f"/api/v1/collaborations/{reference}/moves/{move}",
        json.dumps({"seen": seen}),
        content_type="application/json",
    )
    return response.status_code, response.json().get("reason", "")


def signed_by_page(user: User, agreement: Agreement) -> int:
    """What the signing page answers to a person who gave the password a moment ago."""
    client = client_of(user, language="en")
    request = HttpRequest()
    request.session = client.session
    record_authentication(request, user, method="password", reauthenticated=True)
    request.session.save()
    sha256 = sha_of(agreement)
    url = f"/en/perjanjian/{agreement.pk}/tanda-tangan/"
    return client.post(url, {"seen": sha256, "consent": "on"}).status_code


def brought_by_page(user: User, agreement: Agreement) -> int:
    url = f"/en/perjanjian/{agreement.pk}/tersertifikasi/"
    file = SimpleUploadedFile("surat.pdf", make_pdf("tersertifikasi"))
    return client_of(user, language="en").post(url, {"file": file}).status_code


def nobody_can_sign(cast: Cast, agreement: Agreement, sentence: str) -> None:
    """Every maker of a signature is refused for the same reason, and none is kept."""
    for by in (cast.city_signatory, cast.partner_signatory):
        with pytest.raises(Refused) as refused:
            sign(agreement=agreement, by=by, seen_sha256=sha_of(agreement), consent=True)
        assert str(refused.value.reason) == sentence
        with pytest.raises(Refused) as refused:
            bring_signed(agreement=agreement, file=BytesIO(make_pdf("x")), name="x.pdf", by=by)
        assert str(refused.value.reason) == sentence
        assert signed_by_page(by, agreement) == 403
        assert brought_by_page(by, agreement) == 403
    assert Signature.objects.count() == 0


@pytest.mark.parametrize(("needed", "sentence"), [(None, UNANSWERED), (True, NEEDED)])
@pytest.mark.parametrize("way", [by_page, by_interface])
def test_signing_does_not_open_without_the_council(way, needed: bool | None, sentence: str) -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="approved", council=False)
    if needed is not None:
        answer(cast, needed=needed)

    status, said = way(cast.bureau, cast.collaboration.reference, "open_signing", "drafting")

    assert status == 403
    assert sentence in said
    opened = client_of(cast.bureau).post(f"/perjanjian/{agreement.pk}/buka/")
    assert opened.status_code == 403
    cast.collaboration.refresh_from_db()
    agreement.refresh_from_db()
    assert (cast.collaboration.stage, agreement.state) == ("drafting", "drafting")


@pytest.mark.parametrize("way", [by_page, by_interface])
def test_signing_opens_once_the_approval_is_filed(way) -> None:
    cast = make_cast()
    make_agreement(cast, upto="approved", council=False)
    answer(cast, needed=True)
    approve(cast)

    status, _said = way(cast.bureau, cast.collaboration.reference, "open_signing", "drafting")

    cast.collaboration.refresh_from_db()
    assert (status < 400, cast.collaboration.stage) == (True, "signing")


def test_answer_changed_while_signing_is_open_stops_every_signature() -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="open")

    answer(cast, needed=True)

    nobody_can_sign(cast, agreement, NEEDED)


def test_approval_taken_back_stops_the_signature_that_is_left() -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="approved", council=False)
    answer(cast, needed=True)
    approval = approve(cast)
    open_signing(agreement=agreement, by=cast.bureau)
    sign(agreement=agreement, by=cast.city_signatory, seen_sha256=sha_of(agreement), consent=True)

    withdraw_approval(approval=approval, reason="Nomor keliru.", by=cast.bureau)

    with pytest.raises(Refused) as refused:
        sign(agreement=agreement, by=cast.partner_signatory, seen_sha256=sha_of(agreement), consent=True)
    assert str(refused.value.reason) == NEEDED
    assert Signature.objects.count() == 1


def test_what_was_signed_on_is_not_answered_anew() -> None:
    cast = make_cast()
    make_agreement(cast, upto="signed")

    with pytest.raises(Refused, match="Every party has signed"):
        answer(cast, needed=True)
    with pytest.raises(Refused, match="Every party has signed"):
        approve(cast)

    assert CouncilAnswer.objects.count() == 1


def test_only_the_bureau_answers_for_the_council() -> None:
    cast = make_cast()

    for user in (cast.founder, cast.officer, cast.city_signatory, cast.partner_signatory):
        with pytest.raises(Refused):
            answer(cast, needed=False, by=user)

    assert CouncilAnswer.objects.count() == 0


@pytest.mark.parametrize("blank", ["mandate", "signatory_name", "signatory_title"])
def test_no_mandate_no_signature(blank: str) -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="open")
    Party.objects.filter(agreement=agreement).update(**{blank: " "})

    for by, place in ((cast.city_signatory, 1), (cast.partner_signatory, 2)):
        party = Party.objects.get(agreement=agreement, place=place)
        sentence = (
            "No mandate, no signature: the signatory's name, office and mandate (Surat Kuasa or deed) of"
            f" {party.organisation.name} are missing. Rule: Whoever signs is named with office and mandate"
            " (Surat Kuasa or deed). Source: On the procedure of regional cooperation: the head of an agency"
            " signs a PKS after a Surat Kuasa of the head of region (known from secondary sources). Who can"
            " lift it: that party itself, by naming signatory and mandate while the text is negotiated."
        )
        assert str(rules.may_be_signed(party).reason) == sentence
        with pytest.raises(Refused) as refused:
            sign(agreement=agreement, by=by, seen_sha256=sha_of(agreement), consent=True)
        assert str(refused.value.reason) == sentence
        assert signed_by_page(by, agreement) == 403
        assert brought_by_page(by, agreement) == 403
    assert Signature.objects.count() == 0


@pytest.mark.parametrize("way", [by_page, by_interface])
def test_unlawful_data_opens_no_signing(way) -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="approved")
    propose_version(agreement=agreement, changes={"flows": [FLOW]}, by=cast.founder)

    status, said = way(cast.bureau, cast.collaboration.reference, "open_signing", "drafting")

    assert (status, DATA in said) == (403, True)


@pytest.mark.parametrize("gap", [{"legal_basis": " "}, {"controller": ""}, {"retention_days": 0}])
def test_personal_data_with_a_gap_is_unlawful(gap: dict[str, object]) -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="approved")
    whole = {"legal_basis": "Persetujuan", "controller": "Dinas", "retention_days": 30}
    propose_version(agreement=agreement, changes={"flows": [FLOW | whole | gap]}, by=cast.founder)

    with pytest.raises(Refused) as refused:
        move(cast, "open_signing", cast.bureau)

    assert DATA in str(refused.value.reason)


def test_record_of_personal_data_stays_personal_whatever_the_schedule_calls_it() -> None:
    cast = make_cast()
    dataset = Dataset.objects.create(
        city=cast.city, partner=cast.company, name="Wajah", direction="to_city", personal=True
    )
    agreement = make_agreement(cast)
    flow = {**FLOW, "personal": False, "dataset": str(dataset.pk)}
    propose_version(agreement=agreement, changes={"flows": [flow]}, by=cast.founder)

    with pytest.raises(Refused) as refused:
        move(cast, "open_signing", cast.bureau)

    assert DATA in str(refused.value.reason)


def test_unlawful_data_found_while_signing_is_open_stops_every_signature() -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="open")
    agreement.datasets.add(
        Dataset.objects.create(
            city=cast.city, partner=cast.company, name="Wajah", direction="to_city", personal=True
        )
    )

    nobody_can_sign(cast, agreement, DATA)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("seal")


@pytest.fixture
def sealing(settings, home) -> None:
    """The demonstration's seal, made once."""
    settings.DEMO, settings.HOME, settings.SEAL_KEY = True, home, ""


@pytest.mark.usefixtures("sealing")
@pytest.mark.parametrize("scheme", ["playground", "co-develop", "user"])
def test_unlawful_data_starts_nothing(scheme: str) -> None:
    world = World()
    collaboration = world.at("preparation", scheme)
    world.plan(collaboration)
    Agreement.objects.get(collaboration=collaboration).datasets.add(
        Dataset.objects.create(
            city=world.city, partner=world.partner, name="Wajah", direction="to_city", personal=True
        )
    )

    answers = [
        way(world.officer, collaboration.reference, "start", "preparation") for way in (by_page, by_interface)
    ]

    assert [(status, DATA in said) for status, said in answers] == [(403, True), (403, True)]
    collaboration.refresh_from_db()
    assert collaboration.stage == "preparation"


@pytest.mark.parametrize("way", [by_page, by_interface])
def test_regional_budget_without_procurement_opens_no_signing(way) -> None:
    cast = make_cast(scheme="user", regional_budget="yes")
    agreement = make_agreement(cast)
    answer_no(cast)

    status, said = way(cast.bureau, cast.collaboration.reference, "open_signing", "drafting")

    assert (status, BUDGET in said) == (403, True)
    agreement.refresh_from_db()
    assert agreement.state == "drafting"


def test_regional_budget_without_procurement_stops_every_signature() -> None:
    cast = make_cast(scheme="user")
    agreement = make_agreement(cast, upto="open")
    Agreement.objects.filter(pk=agreement.pk).update(spends_regional_budget=True, procurement_reference=" ")

    nobody_can_sign(cast, agreement, BUDGET)


@pytest.mark.usefixtures("sealing")
def test_regional_budget_without_procurement_starts_nothing() -> None:
    world = World()
    collaboration = world.at("preparation", "user")
    world.plan(collaboration)
    rows = Agreement.objects.filter(collaboration=collaboration)
    rows.update(spends_regional_budget=True, procurement_reference="")

    answers = [
        way(world.officer, collaboration.reference, "start", "preparation") for way in (by_page, by_interface)
    ]

    assert [(status, BUDGET in said) for status, said in answers] == [(403, True), (403, True)]
    collaboration.refresh_from_db()
    assert collaboration.stage == "preparation"


def test_partner_neither_denies_the_budget_nor_names_its_procurement() -> None:
    cast = make_cast(scheme="user", regional_budget="yes")
    agreement = make_agreement(cast)

    for stated in ({"spends_regional_budget": False}, {"procurement_reference": "SPSE 1/2026"}):
        with pytest.raises(Refused, match="city's side says"):
            propose_version(agreement=agreement, changes={}, by=cast.founder, **stated)
    url = f"/perjanjian/{agreement.pk}/ubah/"
    assert client_of(cast.founder).get(url).status_code == 200

    agreement.refresh_from_db()
    assert (agreement.spends_regional_budget, agreement.procurement_reference) == (True, "")


@pytest.mark.parametrize("reference", ["-", "ada", "segera"])
def test_procurement_reference_has_a_number(reference: str) -> None:
    cast = make_cast(scheme="user", regional_budget="yes")
    agreement = make_agreement(cast)

    with pytest.raises(BalaiError, match="cannot be kept"):
        propose_version(agreement=agreement, changes={}, by=cast.officer, procurement_reference=reference)


def move(cast: Cast, key: str, by: User) -> None:
    cast.collaboration.refresh_from_db()
    make_move(collaboration=cast.collaboration, move=key, by=by, seen=cast.collaboration.stage)


def at_once(*acts: Callable[[], object]) -> list[str]:
    """Run the acts together; what each came to, in their order: ``ok`` or the name of its refusal."""
    start = threading.Barrier(len(acts))
    outcomes = [""] * len(acts)

    def run(place: int, act: Callable[[], object]) -> None:
        start.wait()
        try:
            act()
            outcomes[place] = "ok"
        except BalaiError as fault:
            outcomes[place] = type(fault).__name__
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def order(*verbs: str) -> list[str]:
    """Those of the verbs the ledger holds, as it holds them."""
    return list(Entry.objects.filter(verb__in=verbs).order_by("seq").values_list("verb", flat=True))


@pytest.mark.django_db(transaction=True)
def test_opening_while_the_answer_is_changed() -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="approved")

    opened, answered = at_once(
        lambda: open_signing(agreement=agreement, by=cast.bureau), lambda: answer(cast, needed=True)
    )

    assert answered == "ok"
    entries = order("legal.council_answered", "collaboration.moved")
    expected = ["collaboration.moved", "legal.council_answered"] if opened == "ok" else []
    assert entries[1:] == (expected or ["legal.council_answered"])
    for by in (cast.city_signatory, cast.partner_signatory):
        with pytest.raises(Refused):
            sign(agreement=agreement, by=by, seen_sha256=sha_of(agreement), consent=True)
    assert Signature.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_moving_by_the_scheme_while_the_answer_is_changed() -> None:
    cast = make_cast()
    make_agreement(cast, upto="approved")

    opened, answered = at_once(
        lambda: move(cast, "open_signing", cast.bureau), lambda: answer(cast, needed=True)
    )

    entries = order("legal.council_answered", "collaboration.moved")
    assert answered == "ok"
    assert (entries[1:] == ["collaboration.moved", "legal.council_answered"]) is (opened == "ok")


@pytest.mark.django_db(transaction=True)
def test_signing_while_the_answer_is_changed() -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="open")
    sha256 = sha_of(agreement)

    first, second, answered = at_once(
        lambda: sign(agreement=agreement, by=cast.city_signatory, seen_sha256=sha256, consent=True),
        lambda: sign(agreement=agreement, by=cast.partner_signatory, seen_sha256=sha256, consent=True),
        lambda: answer(cast, needed=True),
    )

    signed = [first, second].count("ok")
    entries = order("legal.council_answered", "agreement.signed")
    # Whatever was signed was signed before the answer; where all had signed, the answer came too late.
    after = ["legal.council_answered"] if answered == "ok" else []
    assert entries == ["legal.council_answered", *["agreement.signed"] * signed, *after]
    assert (answered == "Refused") is (signed == 2)
    assert Signature.objects.count() == signed


@pytest.mark.django_db(transaction=True)
def test_signing_while_the_approval_is_taken_back() -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="approved", council=False)
    answer(cast, needed=True)
    approval = approve(cast)
    open_signing(agreement=agreement, by=cast.bureau)
    sha256 = sha_of(agreement)
    sign(agreement=agreement, by=cast.city_signatory, seen_sha256=sha256, consent=True)

    signed, withdrawn = at_once(
        lambda: sign(agreement=agreement, by=cast.partner_signatory, seen_sha256=sha256, consent=True),
        lambda: withdraw_approval(approval=approval, reason="Keliru.", by=cast.bureau),
    )

    assert sorted([signed, withdrawn]) == ["Refused", "ok"]
    approval.refresh_from_db()
    assert (approval.withdrawn_at is None) is (signed == "ok")


@pytest.mark.django_db(transaction=True)
def test_opening_while_unlawful_data_is_proposed() -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="approved")

    opened, proposed = at_once(
        lambda: open_signing(agreement=agreement, by=cast.bureau),
        lambda: propose_version(agreement=agreement, changes={"flows": [FLOW]}, by=cast.founder),
    )

    assert sorted([opened, proposed]) == ["Refused", "ok"]


@pytest.mark.django_db(transaction=True)
def test_two_of_the_bureau_answer_at_once_and_one_is_told() -> None:
    cast = make_cast()
    seen = {"subject": cast.collaboration, "by": cast.bureau, "seen": 0}
    no = {"burdens": False, "burdens_reason": "a", "unbudgeted": False, "unbudgeted_reason": "b"}

    outcomes = at_once(
        lambda: answer_council(**seen, **no), lambda: answer_council(**seen, **(no | {"burdens": True}))
    )

    assert sorted(outcomes) == ["Stale", "ok"]
    assert CouncilAnswer.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_approvals_filed_at_once_are_one() -> None:
    cast = make_cast()
    answer(cast, needed=True)

    outcomes = at_once(lambda: approve(cast), lambda: approve(cast))

    assert sorted(outcomes) == ["Stale", "ok"]
    assert CouncilApproval.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"changes": {"flows": [FLOW]}}, DATA),
        ({"changes": {}, "spends_regional_budget": True}, BUDGET),
    ],
)
def test_a_memorandum_is_no_way_around_data_and_budget(change: dict, sentence: str) -> None:
    made = open_memorandum(2)
    Agreement.objects.filter(pk=made.agreement.pk).update(state="drafting")
    propose_version(agreement=made.agreement, by=made.bureau, **change)
    founder = made.signatories[1]
    for by in (made.bureau, founder):
        version = made.agreement.versions.latest("number")
        approve_version(version=version, by=by, seen_sha256=version.document.sha256)
    open_signing(agreement=made.agreement, by=made.bureau)

    for by in made.signatories:
        with pytest.raises(Refused) as refused:
            sign(agreement=made.agreement, by=by, seen_sha256=sha_of(made.agreement), consent=True)
        assert str(refused.value.reason) == sentence
