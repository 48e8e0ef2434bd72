"""Loads what nobody types in: cities, areas, organisations, figures, and history from public sources.

Each function may run again and then changes nothing. History goes to the ledger as
``record.documented`` with the day it happened in ``data["on"]`` and its source beside it.
"""

import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.utils import timezone

from balai.agreements.models import Agreement, AgreementKind, AgreementState, Party
from balai.collaborations.actions import make_findable
from balai.collaborations.models import Collaboration, SchemeVersion
from balai.core import ledger, search
from balai.core.numbering import reference
from balai.demo import facts
from balai.demo.facts import Row
from balai.indicators.actions import publish_catalogue
from balai.indicators.models import Value
from balai.observations.models import Dataset
from balai.people.models import Area, City, Organisation, OrganisationKind
from balai.pilots.models import Incident, Pilot, Site, Suspension
from balai.programme.assessing import publish_methods
from balai.programme.indexing import SPECIFICATION, Asked, compute
from balai.programme.measures import keep_measures
from balai.programme.models import Cohort, CohortMembership, IndexRun

JAKARTA = "31"
ZONE = ZoneInfo("Asia/Jakarta")


def _cited(key: str) -> dict[str, str]:
    """``source`` and ``source_url`` of a source, as most models keep them."""
    source = facts.sources()[key]
    return {"source": source.name, "source_url": source.url}


def _noon(day: str) -> dt.datetime:
    return dt.datetime.combine(dt.date.fromisoformat(day), dt.time(12), ZONE)


PHASES = {
    "agreement": ("agreement", ""),
    "contradiction": ("agreement", ""),
    "announcement": ("agreement", ""),
    "incident": ("pilot", "stop"),
    "suspension": ("pilot", "stop"),
    "measure": ("effect", ""),
}
"""Where a fact stands on the thread of a collaboration, and whether it was a stop; else it is the pilot."""

VAGUE = {
    "month": (" Hari tepatnya tidak diketahui.", " The exact day is not known."),
    "year": (" Bulan dan hari tidak diketahui.", " Month and day are not known."),
}


def document(*, thread: str, fact: Row) -> None:
    """Append one sourced fact to a public thread of the ledger."""
    what = fact.get("what", "statement")
    phase, tone = PHASES.get(what, ("pilot", ""))
    vague, vague_en = VAGUE.get(fact.get("precision", "day"), ("", ""))
    data: Row = {
        "on": str(fact["on"]),
        "precision": fact.get("precision", "day"),
        "what": what,
        "phase": phase,
        "tone": tone,
        "text": fact["text"] + vague,
        "text_en": fact["text_en"] + vague_en,
        **_cited(fact["source"]),
        **{key: fact[key] for key in ("contradicts", "versions") if key in fact},
    }
    ledger.append(verb="record.documented", subject=thread, by=None, city=JAKARTA, public=True, data=data)


def load_cities() -> None:
    """Jakarta, the cities of the movement and the invented city, with their areas."""
    for row in facts.table("cities")["city"]:
        values = {key: value for key, value in row.items() if key not in {"code", "source"}}
        City.objects.get_or_create(code=row["code"], defaults=values)
    Area.objects.bulk_create(
        [
            Area(city_id=row["city"], **{key: value for key, value in row.items() if key != "city"})
            for row in facts.table("areas")["area"]
        ],
        ignore_conflicts=True,
    )


def load_organisations() -> None:
    """Agencies, ministry, oversight, invented startups, and the partners with their data flows."""
    for row in facts.table("organisations")["organisation"]:
        source = facts.sources().get(row.get("source", ""))
        values = {key: value for key, value in row.items() if key not in {"slug", "source", "city"}}
        Organisation.objects.get_or_create(
            slug=row["slug"],
            defaults={"listed": True}
            | values
            | {"city_id": row.get("city")}
            | ({**_cited(source.key), "source_date": source.day} if source else {}),
        )
    for row in facts.table("partners")["partner"]:
        source = facts.sources()[row["source"]]
        partner, new = Organisation.objects.get_or_create(
            slug=row["slug"],
            defaults={
                "kind": OrganisationKind.COMPANY,
                "name": row["name"],
                "about": row["about"],
                "about_en": row["about_en"],
                "listed": True,
                "source_date": source.day,
                **_cited(source.key),
            },
        )
        if new:
            _describe_partner(partner, row)


def _describe_partner(partner: Organisation, row: Row) -> None:
    plain = ("name", "name_en", "direction", "fields", "granularity", "refresh", "form", "owner", "personal")
    Dataset.objects.bulk_create(
        Dataset(
            city_id=JAKARTA,
            partner=partner,
            **{key: flow[key] for key in plain if key in flow},
            **_cited(flow["source"]),
        )
        for flow in row.get("dataset", [])
    )
    thread = f"organisation:{partner.pk}"
    search.index(
        thread=thread,
        kind="partner",
        city=JAKARTA,
        public=True,
        title=partner.name,
        summary=partner.about,
        body=partner.about_en,
        url=f"/mitra/{partner.slug}/",
    )
    for fact in sorted(row.get("fact", []), key=lambda fact: str(fact["on"])):
        document(thread=thread, fact=fact)
    if row.get("eight", True):
        partners = facts.table("partners")
        for fact in signing_facts(partner.slug):
            document(thread=thread, fact=fact)
        gap = {"text": partners["gap"], "text_en": partners["gap_en"], "source": "own-search"}
        document(thread=thread, fact=gap | {"on": "2026-11-23", "what": "gap"})


def load_indicators() -> None:
    """The catalogue, and every published figure beside the others that contradict it."""
    publish_catalogue()
    if Value.objects.exists():
        return
    Value.objects.bulk_create(
        Value(
            indicator_id=row["indicator"],
            city_id=row["city"],
            period=row["period"],
            value=Decimal(row["value"]),
            as_of=dt.date.fromisoformat(row["as_of"]) if row["as_of"] else facts.sources()[row["source"]].day,
            method_version=row["method_version"],
            status=row["status"],
            note=" / ".join(text for text in (row["note"], row["note_en"]) if text),
            **_cited(row["source"]),
        )
        for row in facts.rows("values")
    )


def load_programme() -> None:
    """The intakes of the movement and the members that sources name."""
    table = facts.table("programme")
    for row in table["cohort"]:
        Cohort.objects.get_or_create(
            year=row["year"],
            defaults={key: row[key] for key in ("name", "invited", "chosen", "how", "how_en")}
            | _cited(row["source"]),
        )
    for row in table["membership"]:
        source = facts.sources()[row["source"]]
        CohortMembership.objects.get_or_create(
            cohort_id=row["year"],
            city_id=row["city"],
            defaults={**_cited(source.key), "as_of": source.day},
        )


def load_index_example() -> None:
    """The evaluation's weights, and an index of made-up places that shows how the index works. Once."""
    publish_methods()
    if IndexRun.objects.exists():
        return
    data = (facts.FOLDER / "index-example.csv").read_text(encoding="utf-8")
    units = [line.partition(",")[0] for line in data.splitlines()[1:]]
    compute(
        Asked(
            name="Contoh rekaan: memilih 100 dari 140",
            name_en="Made-up example: choosing 100 of 140",
            year=2026,
            specification=SPECIFICATION.read_text(encoding="utf-8"),
            data=data,
            names={unit: f"Kota Latihan {unit.removeprefix('L')}" for unit in units},
            invented=True,
        )
    )


def measure_city() -> None:
    """What the hub measures of the city by the records that were just told; they are marked as invented."""
    for year in (timezone.localdate().year - 1, timezone.localdate().year):
        keep_measures(City.objects.get(pk=JAKARTA), year)


def signing_facts(slug: str) -> list[Row]:
    """What is told of the signing of 13 September 2019 that concerns one partner."""
    told = facts.table("signing")["statement"]
    return [
        {"what": "agreement"} | fact
        for fact in told
        if fact.get("each_partner") or slug in fact.get("partners", [])
    ]


def load_signing() -> None:
    """The memorandum of 13 September 2019 with each of the eight, as documented. Needs the histories."""
    table = facts.table("signing")
    known = Organisation.objects.in_bulk([table["city_party"], *table["parties"]], field_name="slug")
    for history in facts.histories():
        if not history.get("signing"):
            continue
        partner = known[history["partner"]]
        agreement, new = Agreement.objects.get_or_create(
            collaboration=Collaboration.objects.get(documented=True, partner=partner, title=history["title"]),
            documented=True,
            defaults={
                "city_id": table["city"],
                "kind": AgreementKind(table["kind"]),
                "title": table["title"].format(partner=partner.name),
                "title_en": table["title_en"].format(partner=partner.name),
                "state": AgreementState.SEALED,
                "starts_on": dt.date.fromisoformat(table["on"]),
                **_cited(table["source"]),
            },
        )
        if new:
            sides = (known[table["city_party"]], partner)
            Party.objects.bulk_create(
                Party(agreement=agreement, organisation=side, place=place)
                for place, side in enumerate(sides, 1)
            )


def contradiction(row: Row) -> Row:
    """Two sources that disagree, as one fact that names both."""
    one, other = facts.sources()[row["a_source"]], facts.sources()[row["b_source"]]
    return {
        "on": row["on"],
        "precision": row.get("precision", "day"),
        "what": "contradiction",
        "text": f"{row['topic']}: {row['a']} ({one.name}); {row['b']} ({other.name}).",
        "text_en": f"{row['topic_en']}: {row['a_en']} ({one.name}); {row['b_en']} ({other.name}).",
        "source": row["a_source"],
        "versions": [
            {"text": row["a"], "text_en": row["a_en"], **_cited(one.key)},
            {"text": row["b"], "text_en": row["b_en"], **_cited(other.key)},
        ],
    }


def contradictions(about: str) -> list[Row]:
    """What sources tell differently about one record, as facts."""
    found = facts.table("contradictions")["contradiction"]
    return [contradiction(row) for row in found if row["about"] == about]


def load_city_facts() -> None:
    """What concerns the city, the movement or an indicator. Called once, in the load's transaction."""
    for fact in facts.table("signing")["statement"]:
        if not (fact.get("each_partner") or fact.get("partners")):
            document(thread=f"city:{JAKARTA}", fact=fact)
    threads = {"city": f"city:{JAKARTA}", "programme": "programme:movement"}
    for about in dict.fromkeys(row["about"] for row in facts.table("contradictions")["contradiction"]):
        if about != "signing":
            for fact in contradictions(about):
                document(thread=threads.get(about, f"indicator:{about}"), fact=fact)


def load_histories() -> None:
    """Collaborations known from public sources only, each as far as it is documented."""
    versions = {version.key: version for version in SchemeVersion.objects.filter(current=True)}
    organisations = {o.slug: o for o in Organisation.objects.all()}
    for history in facts.histories():
        partner = organisations[history["partner"]]
        if Collaboration.objects.filter(documented=True, partner=partner, title=history["title"]).exists():
            continue
        version = versions[history["scheme"]]
        began, since = _noon(history["began"]), _noon(history["stage_since"])
        collaboration = Collaboration.objects.create(
            reference=reference(version.scheme.prefix, began.year),
            city_id=JAKARTA,
            scheme_version=version,
            partner=partner,
            agency=organisations[history["agency"]],
            title=history["title"],
            title_en=history["title_en"],
            summary=history["summary"],
            summary_en=history["summary_en"],
            dimensions=history["dimensions"],
            stage=version.scheme.stage(history["stage"]).key,
            stage_since=since,
            created_at=began,
            submitted_at=began,
            public_since=began,
            documented=True,
        )
        make_findable(collaboration)
        told = history["entry"]
        if history.get("signing"):
            told = [*told, *signing_facts(partner.slug), *contradictions("signing")]
        for fact in sorted(told, key=lambda fact: str(fact["on"])):
            document(thread=collaboration.thread, fact=fact)
        if "pilot" in history:
            _load_pilot(collaboration, history)


def _load_pilot(collaboration: Collaboration, history: Row) -> None:
    pilot = Pilot.objects.create(collaboration=collaboration, **history["pilot"])
    for row in history.get("site", []):
        Site.objects.create(pilot=pilot, **row)
    for row in history.get("incident", []):
        Incident.objects.create(
            pilot=pilot,
            severity=row["severity"],
            happened_at=_noon(row["happened_at"]),
            text=row["text"],
            people_hurt=row["people_hurt"],
            closed_at=_noon(row["closed_at"]),
            measures=row["measures"],
            source_url=facts.sources()[row["source"]].url,
        )
    for row in history.get("suspension", []):
        Suspension.objects.create(
            pilot=pilot,
            authority=row["authority"],
            reason=row["reason"],
            started_at=_noon(row["started_at"]),
            resumed_at=_noon(row["resumed_at"]),
            resumed_authority=row["resumed_authority"],
            resumed_reason=row["resumed_reason"],
        )
