"""Open contracting data: valid, derived, never rewritten, and nothing that is not public."""

import datetime as dt
import gzip
import json
import os
import socket
import zipfile
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import ocdsmerge
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from balai.agreements.actions import approve_version, open_signing, set_signatory, sign
from balai.agreements.amending import draft_addendum
from balai.agreements.completion import seal
from balai.agreements.ending import agree_ending, propose_ending
from balai.agreements.models import Agreement
from balai.agreements.reminding import watch
from balai.challenges.actions import close_challenge, extend_challenge
from balai.challenges.models import Challenge
from balai.collaborations.models import Collaboration
from balai.core import ledger
from balai.core.ledger import canonical_json
from balai.core.models import Entry
from balai.demo.load import load
from balai.needs.actions import voice_need
from balai.people.models import Organisation
from balai.programme import ocds
from tests.stories import STAGES, World

pytestmark = pytest.mark.django_db

STANDARD = Path(
    os.environ.get("OCDS_STANDARD_ZIP", Path(__file__).parents[2] / "var/ocds/standard-1__1__5.zip")
)
"""The standard's own repository at its tag 1__1__5, as a zip; docs/open-contracting.md says how to get it."""


@pytest.fixture(autouse=True)
def _sealed_by_the_demonstration_authority(settings) -> None:
    settings.DEMO = True


def case_of(collaboration: Collaboration) -> ocds.Case:
    return ocds.gather(ocds.published().filter(pk=collaboration.pk))[0]


def releases(collaboration: Collaboration) -> list[dict]:
    return ocds.releases_of(case_of(collaboration))


def answered(world: World) -> Challenge:
    """A challenge opened through the ledger, from a need."""
    need = voice_need(by=world.founder, city=world.city, title="Sepeda", text="Aman.", dimension="mobility")
    challenge = world.challenge(
        brief="Perjalanan pendek tanpa asap.",
        budget_route="none",
        closes_on=timezone.localdate() + dt.timedelta(30),
    )
    challenge.needs.set([need])
    ledger.append(
        verb="challenge.opened",
        subject=challenge.thread,
        by=None,
        city=world.city.pk,
        public=True,
        data={"closes_on": challenge.closes_on, "schemes": []},
    )
    return challenge


def told(world: World) -> Collaboration:
    """The whole path: a call, an award, a contract, a pilot that was stopped at its end."""
    application = world.begin()
    challenge = answered(world)
    Collaboration.objects.filter(pk=application.collaboration.pk).update(challenge=challenge)
    for step in STAGES[1:]:
        getattr(world, f"to_{step}")(application)
    collaboration = Collaboration.objects.get(pk=application.collaboration.pk)
    world.measure(collaboration)
    world.move(
        application,
        "exit_stop",
        world.bureau,
        record={"reason": "Tidak cukup dampak.", "data_disposal": "Dihapus."},
    )
    return Collaboration.objects.get(pk=collaboration.pk)


def needs_the_standard() -> None:
    if not STANDARD.exists():
        pytest.skip(f"The standard's files are not at {STANDARD}.")


def schema(name: str) -> str:
    """A schema of the standard, as its site serves it."""
    with zipfile.ZipFile(STANDARD) as files:
        text = files.read(f"{files.namelist()[0]}schema/{name}").decode()
    return text.replace("{{lang}}", "en").replace("{{version}}", "1.1")


def faults(package: dict, monkeypatch: pytest.MonkeyPatch) -> dict:
    """What the standard's own review library finds, with no way to the network."""
    needs_the_standard()
    import requests
    from libcoveocds.api import ocds_json_output
    from libcoveocds.config import LibCoveOCDSConfig

    def from_the_zip(address: str, **_more: object) -> SimpleNamespace:
        root, _slash, name = address.rpartition("/")
        assert root == "https://standard.open-contracting.org/schema/1__1__5"
        return SimpleNamespace(json=lambda **_more: json.loads(schema(name)), raise_for_status=lambda: None)

    def refuse(*_args: object, **_more: object) -> None:
        raise AssertionError("the check went to the network")

    monkeypatch.setattr(requests, "get", from_the_zip)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    config = LibCoveOCDSConfig({"context": "api", "standard_zip": STANDARD.as_uri()})
    found = ocds_json_output(json_data=json.loads(canonical_json(package)), lib_cove_ocds_config=config)
    kinds = ("validation_errors", "additional_closed_codelist_values", "additional_open_codelist_values")
    more = ("additional_checks", "all_additional_fields", "deprecated_fields", "common_error_types")
    return {kind: found[kind] for kind in (*kinds, *more) if found[kind]}


def test_every_stage_is_one_release_with_its_tag():
    collaboration = told(World())

    found = releases(collaboration)

    assert [release["tag"] for release in found] == [
        ["planning", "tender"],
        ["award"],
        ["awardUpdate", "contract"],
        ["contractUpdate"],
        ["implementation"],
        ["implementationUpdate"],
        ["implementationUpdate"],
        ["implementationUpdate"],
        ["contractTermination"],
    ]
    seqs = [int(release["id"].rpartition("-")[2]) for release in found]
    assert Entry.objects.filter(seq__in=seqs, public=True).count() == len(found)


def test_the_record_says_who_what_and_how_it_ended():
    world = World()
    collaboration = told(world)
    agreement = Agreement.objects.get()

    record = ocds.record_of(case_of(collaboration))

    assert record is not None
    state = record["compiledRelease"]
    assert state["tag"] == ["compiled"]
    assert state["buyer"] == {"id": str(world.agency.pk), "name": world.agency.name}
    assert {party["name"]: party["roles"] for party in state["parties"]} == {
        world.agency.name: ["buyer", "procuringEntity"],
        world.partner.name: ["supplier", "tenderer"],
    }
    assert state["planning"]["rationale"] == "Perjalanan pendek tanpa asap."
    assert state["awards"][0]["description"] == "Ringkasan usulan.\n\nMenjawab kebutuhan kota."
    (contract,) = state["contracts"]
    assert (contract["id"], contract["status"]) == (str(agreement.pk), "terminated")
    assert contract["title"] == agreement.title
    assert [
        m["title"] for m in contract["implementation"]["milestones"] if m["id"].startswith("tonggak")
    ] == ["Tonggak 1"]
    assert {m["status"] for m in contract["implementation"]["milestones"]} == {"met"}


def test_the_official_check_finds_no_error(monkeypatch):
    told(World())
    World(code="3273", label="dua").at("drafting")
    cases = ocds.gather(ocds.published())

    release = ocds.release_package(cases, "https://balai.example/r")
    record = ocds.record_package(cases, "https://balai.example/c")

    assert release is not None
    assert record is not None
    assert len(record["records"]) == 2
    assert faults(release, monkeypatch) == {}
    assert faults(record, monkeypatch) == {}


def test_the_official_check_would_find_an_error(monkeypatch):
    collaboration = World().at("drafting")
    package = ocds.release_package([case_of(collaboration)], "https://balai.example/r")
    assert package is not None
    package["releases"][0]["date"] = "kemarin"
    package["releases"][0]["awards"][0]["status"] = "perhaps"

    assert faults(package, monkeypatch).keys() == {"validation_errors", "additional_closed_codelist_values"}


@pytest.mark.slow
def test_the_demonstration_passes_the_official_check_and_names_its_sources(monkeypatch):
    needs_the_standard()
    load()
    cases = ocds.gather(ocds.published())

    release = ocds.release_package(cases, "https://balai.example/r")
    record = ocds.record_package(cases, "https://balai.example/c")

    assert release is not None
    assert record is not None
    assert faults(release, monkeypatch) == {}
    assert faults(record, monkeypatch) == {}
    merger = ocdsmerge.Merger(json.loads(schema("release-schema.json")))
    theirs = [merger.create_compiled_release(one["releases"]) for one in record["records"]]
    assert theirs == [one["compiledRelease"] for one in record["records"]]
    awards = {r["ocid"]: r["compiledRelease"].get("awards", []) for r in record["records"]}
    for case in cases:
        text = canonical_json(awards[case.ocid])
        assert case.it.invented == (ocds.INVENTED.strip() in text)
        assert case.it.documented == (ocds.DOCUMENTED in text)
        if case.it.documented:
            sources = {e.facts["source_url"] for e in case.entries if e.facts.get("source_url")}
            whole = canonical_json(ocds.record_of(case) or {})
            assert {url for url in sources if url not in whole} == set()


def test_what_comes_later_never_rewrites_what_was_published():
    world = World()
    application = world.begin()
    challenge = answered(world)
    Collaboration.objects.filter(pk=application.collaboration.pk).update(challenge=challenge)
    before: list[str] = []

    for step in [*STAGES[1:], "extended", "closed"]:
        challenge.refresh_from_db()
        if step == "extended":
            later = challenge.closes_on + dt.timedelta(9)
            extend_challenge(challenge=challenge, by=world.officer, closes_on=later, reason="Masih sepi.")
        elif step == "closed":
            close_challenge(challenge=challenge, by=world.officer, reason="Cukup.")
        else:
            getattr(world, f"to_{step}")(application)
        public = ocds.published().filter(pk=application.collaboration.pk)
        now = [canonical_json(r) for case in ocds.gather(public) for r in ocds.releases_of(case)]
        assert now[: len(before)] == before
        before = now

    assert [json.loads(text)["tag"] for text in before[-2:]] == [["tenderUpdate"], ["tenderUpdate"]]


def test_addenda_and_the_end_of_the_agreement_are_told_and_pass_the_official_check(monkeypatch):
    world = World()
    collaboration = world.at("running")
    agreement = Agreement.objects.get(collaboration=collaboration)
    addendum = draft_addendum(
        agreement=agreement,
        by=world.officer,
        reason="Diperpanjang.",
        ends_on=agreement.ends_on + dt.timedelta(30),
    )
    sides = ((1, world.officer, world.signatory), (2, world.founder, world.founder))
    for place, by, who in sides:
        party = addendum.parties.get(place=place)
        set_signatory(party=party, name=who.name, title="Kepala", mandate="Surat Kuasa 2", by=by)
    for by in (world.officer, world.founder):
        latest = addendum.versions.first()
        approve_version(version=latest, by=by, seen_sha256=latest.document.sha256)
    open_signing(agreement=addendum, by=world.officer)
    for by in (world.signatory, world.founder):
        sign(agreement=addendum, by=by, seen_sha256=latest.document.sha256, consent=True)
    seal(agreement_id=addendum.pk)
    before = len(releases(collaboration))
    agreement.refresh_from_db()
    day = timezone.localdate() + dt.timedelta(3)
    ending = propose_ending(agreement=agreement, by=world.founder, text="Tujuan tercapai.", effective_on=day)
    agree_ending(termination=ending, by=world.officer, seen_sha256=ending.sha256)
    watch(timezone.now() + dt.timedelta(4))

    found = releases(collaboration)
    amendment, end = found[before - 1], found[before]

    (contract,) = amendment["contracts"]
    assert amendment["tag"] == ["contractAmendment"]
    assert contract["id"] == str(agreement.pk)
    assert contract["period"]["endDate"].startswith(agreement.ends_on.isoformat())
    assert contract["amendments"][0]["description"] == "Adendum 1: term"
    (contract,) = end["contracts"]
    assert (end["tag"], contract["status"]) == (["contractTermination"], "terminated")
    assert contract["period"]["endDate"].startswith(day.isoformat())
    world.move(collaboration, "evaluate", world.officer, reason="Perjanjian berakhir.")
    last = releases(collaboration)[-1]
    assert [c["id"] for c in last["contracts"]] == [str(agreement.pk)]
    compiled = ocds.record_of(case_of(collaboration))["compiledRelease"]
    assert [c["status"] for c in compiled["contracts"]] == ["terminated"]
    assert compiled["awards"][0]["status"] == "active"
    needs_the_standard()
    package = ocds.release_package([case_of(collaboration)], "https://example.org/")
    assert faults(package, monkeypatch) == {}


def test_a_withdrawal_before_the_seal_cancels_the_award():
    world = World()
    collaboration = world.at("drafting")
    world.move(collaboration, "withdraw", world.founder, reason="Mitra mundur.")

    found = releases(collaboration)

    assert [release["tag"] for release in found] == [["award"], ["awardCancellation"]]
    assert ocds.compiled(found)["awards"][0]["status"] == "cancelled"


def test_nothing_that_is_not_public_is_published():
    world = World()
    collaboration = told(world)
    Collaboration.objects.filter(pk=collaboration.pk).update(reference="PLG-2026-0900")
    World(code="3273", label="rahasia").at("decision", title="Usulan tertutup 77")
    ledger.append(
        verb="pilot.milestone_reached",
        subject=collaboration.thread,
        by=None,
        public=False,
        data={"milestone": 990099},
    )

    text = b"".join(ocds.bulk_package()).decode()

    assert len(json.loads(text)["records"]) == 1
    people = [world.founder, world.officer, world.bureau, world.signatory, *world.reviewers]
    hidden = [p.name for p in people] + [p.email for p in people] + [str(p.pseudonym) for p in people]
    hidden += ["Usulan tertutup 77", "rahasia", "990099", "Nama Rekaan", "Surat Kuasa 1"]
    hidden += ["Layak diuji", "Isian ", "Purwarupa diterima", "Kecepatan dibatasi"]
    assert [word for word in hidden if word and word in text] == []


def test_the_same_data_is_the_same_file_in_any_language():
    told(World())
    first = b"".join(ocds.bulk_lines())

    english = Client(headers={"Accept-Language": "en"}).get("/api/v1/ocds/bulk/compiled.jsonl.gz")

    assert b"".join(english) == first
    (line,) = gzip.decompress(first).decode().splitlines()
    assert json.loads(line)["tag"] == ["compiled"]


def test_addresses_are_stable_and_answer(monkeypatch):
    monkeypatch.setattr("balai.programme.ocds.BATCH", 1)
    collaboration = told(World())
    other = World(code="3273", label="dua").at("drafting")
    client = Client()
    ocid = ocds.ocid_of(collaboration)

    record = client.get(f"/api/v1/ocds/records/{ocid}").json()
    own = client.get(f"/api/v1/ocds/releases/{ocid}").json()
    everything = json.loads(b"".join(client.get("/api/v1/ocds/bulk/records.json")))

    assert record["uri"].endswith(f"/api/v1/ocds/records/{ocid}")
    assert record["records"][0]["releases"] == own["releases"]
    assert {r["ocid"] for r in everything["records"]} == {ocid, ocds.ocid_of(other)}
    assert own["releases"] == json.loads(canonical_json({"r": releases(collaboration)}))["r"]
    missing = (f"ocds-zzzzzz-{collaboration.reference}", "ocds-000000-PLG-2026-9999")
    assert [client.get(f"/api/v1/ocds/records/{one}").status_code for one in missing] == [404, 404]


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("kind", ["releases", "records"])
def test_a_page_costs_the_same_for_one_and_three(rows, kind, django_assert_num_queries):
    world = World()
    for _number in range(rows):
        application = world.begin(title=f"Usulan {_number}")
        Collaboration.objects.filter(pk=application.collaboration.pk).update(challenge=answered(world))
        for step in STAGES[1:7]:
            getattr(world, f"to_{step}")(application)
    client = Client()

    with django_assert_num_queries(6):
        page = client.get(f"/api/v1/ocds/{kind}").json()

    assert len({row["ocid"] for row in page[kind]}) == rows


def test_pages_follow_one_another(monkeypatch):
    world = World()
    kept = world.at("drafting")
    columns = {f.attname: getattr(kept, f.attname) for f in Collaboration._meta.concrete_fields}
    copies = [
        Collaboration(**columns | {"id": None, "reference": f"PLG-2020-{n:04d}", "partner": partner})
        for n, partner in enumerate([Organisation.objects.get(pk=world.partner.pk)] * 25)
    ]
    for copy in copies:
        copy.pk = Collaboration._meta.pk.get_default()
    Collaboration.objects.bulk_create(copies)
    for copy in copies:
        moved = {"move": "accept", "from": "decision", "to": "drafting", "reason": ""}
        ledger.append(verb="collaboration.moved", subject=copy.thread, by=None, public=True, data=moved)
    client = Client()

    first = client.get("/api/v1/ocds/records")
    link = first["Link"].partition(">")[0].lstrip("<")
    second = client.get(link[link.index("/api/") :])

    names = [r["ocid"] for page in (first, second) for r in page.json()["records"]]
    assert (len(first.json()["records"]), len(names), len(set(names))) == (25, 26, 26)


def test_before_anything_is_public_there_is_no_package():
    World().at("review")

    assert Client().get("/api/v1/ocds/releases").status_code == 404
    assert json.loads(b"".join(ocds.bulk_package()))["records"] == []


def test_the_command_writes_the_same_bytes_twice(tmp_path):
    told(World())
    out = StringIO()

    for name in ("a.json", "b.json", "a.jsonl.gz"):
        call_command("ocds", "export", str(tmp_path / name), stdout=out)

    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert (tmp_path / "a.jsonl.gz").read_bytes() == b"".join(ocds.bulk_lines())
    assert out.getvalue().count("is written") == 3
    with pytest.raises(CommandError, match="ends in"):
        call_command("ocds", "export", str(tmp_path / "a.csv"))
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("ocds", "export", str(tmp_path / "none" / "a.json"))


def test_the_pages_lead_to_the_data():
    collaboration = World().at("drafting")
    client = Client()

    page = client.get(f"/kolaborasi/{collaboration.reference}/").content.decode()
    register = client.get("/kolaborasi/").content.decode()

    assert f'href="{ocds.record_address(collaboration)}"' in page
    assert 'href="/api/v1/ocds/bulk/records.json"' in register
    assert 'href="/api/v1/ocds/bulk/compiled.jsonl.gz"' in register
