"""Open contracting: public collaborations as releases and records of OCDS 1.1.

A release is derived from one public entry of the ledger and from what no longer changed when it was
written, so that what comes later adds releases and rewrites none. Texts are in Bahasa Indonesia.
"""

import datetime as dt
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Prefetch, Q, prefetch_related_objects
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.text import capfirst

from balai.agreements.models import Agreement, AgreementState
from balai.agreements.models import Party as AgreementParty
from balai.challenges.models import BudgetRoute
from balai.challenges.threads import url_of as challenge_url
from balai.collaborations.models import Collaboration, CollaborationQuerySet
from balai.collaborations.threads import url_of as collaboration_url
from balai.core.ledger import canonical_json
from balai.core.models import Entry
from balai.core.narrative import said
from balai.needs.models import Need
from balai.needs.threads import url_of as need_url
from balai.people.models import City, Organisation, OrganisationKind

type Json = dict[str, Any]

VERSION = "1.1"
BATCH = 100
"""Collaborations read at once for a bulk file."""

OF_CHALLENGE = ("challenge.opened", "challenge.extended", "challenge.closed")
OF_COLLABORATION = (
    "collaboration.moved",
    "agreement.sealed",
    "agreement.amended",
    "agreement.ended",
    "pilot.milestone_planned",
    "pilot.milestone_reached",
    "record.documented",
)
AGENCY_ROLES = ["buyer", "procuringEntity"]
PARTNER_ROLES = ["supplier", "tenderer"]
INVENTED = "[Contoh rekaan] "
DOCUMENTED = "Dicatat dari sumber terbuka; tidak dijalankan di hub ini."


@dataclass(frozen=True, slots=True)
class Case:
    """One public collaboration with everything its releases are made of."""

    it: Collaboration
    entries: Sequence[Entry]
    agreements: Sequence[Agreement]

    @property
    def ocid(self) -> str:
        return ocid_of(self.it)


def ocid_of(collaboration: Collaboration) -> str:
    """The open contracting id: the publisher's prefix and the reference."""
    return f"{settings.OCID_PREFIX}-{collaboration.reference}"


def record_address(collaboration: Collaboration) -> str:
    """Where its record stays."""
    return settings.ORIGIN + reverse("api:ocds_record", args=[ocid_of(collaboration)])


def published() -> CollaborationQuerySet:
    """The collaborations that are public, with the rows their releases name."""
    rows = Collaboration.objects.filter(public_since__isnull=False)
    return rows.select_related(
        "scheme_version",
        "partner",
        "agency",
        "city",
        "challenge__agency",
        "predecessor",
        "application__decision",
    )


def gather(collaborations: Iterable[Collaboration]) -> list[Case]:
    """Read what the releases of these collaborations need; four queries, however many there are."""
    found = [row for row in collaborations if row.public_since]
    verbs = Q(verb__in=OF_COLLABORATION, thread__in=[row.thread for row in found])
    calls = {row.challenge.thread for row in found if row.challenge}
    entries: dict[str, list[Entry]] = {}
    for entry in Entry.objects.filter(
        verbs | Q(verb__in=OF_CHALLENGE, thread__in=calls), public=True
    ).order_by("seq"):
        entries.setdefault(entry.thread, []).append(entry)
    agreements: dict[UUID | None, list[Agreement]] = {}
    sealed = Agreement.objects.filter(collaboration__in=[row.pk for row in found]).prefetch_related(
        Prefetch("parties", queryset=AgreementParty.objects.select_related("organisation"))
    )
    for agreement in sealed.order_by("created_at", "pk"):
        agreements.setdefault(agreement.collaboration_id, []).append(agreement)
    needs = Need.objects.only("reference").order_by("reference")
    with_call = [row for row in found if row.challenge]
    prefetch_related_objects(with_call, Prefetch("challenge__needs", queryset=needs))
    return [
        Case(
            row,
            sorted(
                entries.get(row.thread, [])
                + (entries.get(row.challenge.thread, []) if row.challenge else []),
                key=lambda entry: entry.seq,
            ),
            agreements.get(row.pk, []),
        )
        for row in found
    ]


def releases_of(case: Case) -> list[Json]:
    """Every release of one collaboration, oldest first. The same entries give the same releases."""
    with translation.override("id"):
        story = _Story(case)
        return [release for entry in case.entries if (release := story.told(entry))]


@dataclass
class _Story:
    """What has been told of a collaboration so far; each entry adds at most one release."""

    case: Case
    tags: set[str] = field(default_factory=set)
    contracts: dict[str, str] = field(default_factory=dict)
    milestones: dict[str, Json] = field(default_factory=dict)

    def told(self, entry: Entry) -> Json | None:
        """The release of this entry; None where it changes nothing that is published."""
        news = {
            "challenge.opened": self._opened,
            "challenge.extended": self._extended,
            "challenge.closed": self._closed,
            "collaboration.moved": self._moved,
            "agreement.sealed": self._sealed,
            "agreement.amended": self._amended,
            "agreement.ended": self._over,
            "pilot.milestone_planned": self._planned,
            "pilot.milestone_reached": self._reached,
            "record.documented": self._documented,
        }[entry.verb](entry)
        if news is None:
            return None
        self.tags.update(news["tag"])
        it = self.case.it
        buyer = _party(it.agency) if it.agency else _city_party(it.city)
        return {
            "ocid": self.case.ocid,
            "id": f"{self.case.ocid}-{entry.seq}",
            "date": _moment(entry.at),
            "language": "id",
            "initiationType": "tender",
            "buyer": _named(buyer),
            **news,
        }

    def _tag(self, name: str) -> str:
        """The tag of a first telling, or of an update of what was told."""
        return f"{name}Update" if {name, f"{name}Update"} & self.tags else name

    def _opened(self, entry: Entry) -> Json:
        challenge = self.case.it.challenge
        assert challenge is not None
        documents = [
            {
                "id": need.reference,
                "documentType": "needsAssessment",
                "title": f"Kebutuhan {need.reference}",
                "url": settings.ORIGIN + need_url(need),
                "format": "text/html",
                "language": "id",
            }
            for need in challenge.needs.all()
        ]
        planning: Json = {"rationale": challenge.brief, "documents": documents}
        if challenge.budget_route:
            planning["budget"] = {"description": str(BudgetRoute(challenge.budget_route).label)}
        period = {"startDate": _moment(entry.at), "endDate": _day_end(entry.facts.get("closes_on"))}
        tender = {
            "id": challenge.reference,
            "title": _labelled(challenge.title, challenge.invented),
            "description": challenge.brief,
            "status": "active",
            "procuringEntity": _named(_party(challenge.agency)),
            "tenderPeriod": period,
            "documents": [_page(challenge.reference, "tenderNotice", challenge_url(challenge), entry)],
        }
        return _full(
            {
                "tag": ["planning", "tender"],
                "parties": [{**_party(challenge.agency), "roles": AGENCY_ROLES}],
                "planning": planning,
                "tender": tender,
            }
        )

    def _call(self, news: Json) -> Json:
        challenge = self.case.it.challenge
        assert challenge is not None
        return {"tag": ["tenderUpdate"], "tender": {"id": challenge.reference, **news}}

    def _extended(self, entry: Entry) -> Json:
        amendment = {"id": str(entry.seq), "date": _moment(entry.at), "rationale": entry.facts.get("reason")}
        period = {"endDate": _day_end(entry.facts["to"])}
        return self._call({"tenderPeriod": period, "amendments": [_full(amendment)]})

    def _closed(self, _entry: Entry) -> Json:
        return self._call({"status": "complete"})

    def _moved(self, entry: Entry) -> Json | None:
        facts, it = entry.facts, self.case.it
        target = it.scheme.stage(facts["to"])
        live = [pk for pk, status in self.contracts.items() if status in SIGNED]
        if "award" not in self.tags:
            return None if target.is_end else self._awarded(entry, _grounds(it))
        if target.is_end and not live:
            status = "cancelled"
            news = {"id": it.reference, "status": status}
            pending = [{"id": pk, "awardID": it.reference, "status": status} for pk in self.contracts]
            self.contracts = dict.fromkeys(self.contracts, status)
            return _full({"tag": ["awardCancellation"], "awards": [news], "contracts": pending})
        key = f"langkah-{entry.seq}"
        step = {
            "id": key,
            "title": capfirst(said(entry)),
            "description": facts.get("reason"),
            "status": "met",
            "dateMet": _moment(entry.at),
        }
        if live:
            self.milestones[key] = _full(step)
            tag = ["contractTermination"] if target.is_end else [self._tag("implementation")]
            state = {"status": "terminated"} if target.is_end else {}
            self.contracts |= dict.fromkeys(live, "terminated") if target.is_end else {}
            return {"tag": tag, "contracts": [{**self._running(pk), **state} for pk in live]}
        return self._negotiated(entry, step)

    def _negotiated(self, entry: Entry, step: Json) -> Json:
        """Before the seal: the award goes on, and the agreement waits for its signatures."""
        drafts = [a for a in self.case.agreements if a.kind == "pks" and a.created_at <= entry.at]
        page = _page(self.case.it.reference, "awardNotice", collaboration_url(self.case.it), entry)
        page |= {"description": step["title"], "dateModified": _moment(entry.at)}
        news: Json = {
            "tag": [self._tag("award")],
            "awards": [{"id": self.case.it.reference, "documents": [page]}],
        }
        if drafts and entry.facts["to"] == "signing":
            pk = str(drafts[-1].pk)
            self.contracts[pk] = "pending"
            news["tag"].append(self._tag("contract"))
            news["contracts"] = [{"id": pk, "awardID": self.case.it.reference, "status": "pending"}]
        return news

    def _awarded(self, entry: Entry, description: str) -> Json:
        it = self.case.it
        award = {
            "id": it.reference,
            "title": _labelled(it.title, it.invented),
            "description": "\n\n".join(filter(None, [it.summary, description])),
            "status": "active",
            "date": None if it.documented else _moment(entry.at),
            "suppliers": [_named(_party(it.partner))],
            "documents": [_page(it.reference, "awardNotice", collaboration_url(it), entry)],
        }
        news: Json = {"tag": ["award"], "parties": self._parties(), "awards": [award]}
        before = it.predecessor
        if before and before.public_since and before.public_since <= entry.at:
            news["relatedProcesses"] = [
                {
                    "id": before.reference,
                    "relationship": ["prior"],
                    "title": before.title,
                    "scheme": "ocid",
                    "identifier": ocid_of(before),
                    "uri": record_address(before),
                }
            ]
        return _full(news)

    def _parties(self, agreement: Agreement | None = None) -> list[Json]:
        """The two sides, and whoever else signs this agreement."""
        it = self.case.it
        buyer = _party(it.agency) if it.agency else _city_party(it.city)
        known = {buyer["id"]: {**buyer, "roles": AGENCY_ROLES}}
        others = [party.organisation for party in agreement.parties.all()] if agreement else []
        for organisation in [it.partner, *others]:
            company = organisation.kind == OrganisationKind.COMPANY or organisation == it.partner
            roles = PARTNER_ROLES if company else AGENCY_ROLES
            party = _party(organisation)
            known.setdefault(party["id"], {**party, "roles": roles})
        return list(known.values())

    def _contract(self, agreement: Agreement, **news: Any) -> Json:
        return {
            "id": str(agreement.pk),
            "awardID": self.case.it.reference,
            "title": _labelled(agreement.title, agreement.invented or self.case.it.invented),
            **news,
        }

    def _sealed(self, entry: Entry) -> Json | None:
        facts = entry.facts
        agreement = next((a for a in self.case.agreements if a.subject == entry.subject), None)
        if agreement is None or agreement.amends_id is not None:
            return None
        self.contracts[str(agreement.pk)] = "active"
        page = _page(facts["sha256"], "contractSigned", f"/perjanjian/{agreement.pk}/", entry)
        page["description"] = f"SHA-256 {facts['sha256']}"
        contract = self._contract(
            agreement,
            status="active",
            dateSigned=_moment(entry.at),
            period={"startDate": _day(facts["starts_on"]), "endDate": _day_end(facts["ends_on"])},
            documents=[page],
        )
        parties = self._parties(agreement)
        return _full({"tag": [self._tag("contract")], "parties": parties, "contracts": [contract]})

    def _amended(self, entry: Entry) -> Json | None:
        """An addendum in force: what it amends keeps its contract, with another end where it brings one."""
        facts, pk = entry.facts, entry.subject.partition(":")[2]
        if pk not in self.contracts:
            return None
        page = _page(facts["sha256"], "contractAnnexe", f"/perjanjian/{facts['addendum']}/", entry)
        page |= {
            "title": f"Halaman publik Adendum {facts['number']}",
            "description": f"SHA-256 {facts['sha256']}",
        }
        amendment = {
            "id": str(entry.seq),
            "date": _moment(entry.at),
            "description": f"Adendum {facts['number']}: {', '.join(facts['changed'])}",
        }
        contract: Json = {
            "id": pk,
            "awardID": self.case.it.reference,
            "amendments": [amendment],
            "documents": [page],
        }
        if facts["ends_on"] != facts["was"]:
            contract["period"] = {"endDate": _day_end(facts["ends_on"])}
        return _full({"tag": ["contractAmendment"], "contracts": [contract]})

    def _over(self, entry: Entry) -> Json | None:
        """The agreement itself is over; None where the collaboration's end has said so already."""
        facts, pk = entry.facts, entry.subject.partition(":")[2]
        if self.contracts.get(pk) != "active":
            return None
        self.contracts[pk] = "terminated"
        key = f"akhir-{entry.seq}"
        self.milestones[key] = {
            "id": key,
            "title": ENDS.get(facts["reason"], ENDS["term"]),
            "status": "met",
            "dateMet": _day_end(facts["last_day"]),
        }
        contract = {**self._running(pk), "status": "terminated"}
        if facts["reason"] != "term":
            contract["period"] = {"endDate": _day_end(facts["last_day"])}
        return {"tag": ["contractTermination"], "contracts": [contract]}

    def _running(self, pk: str) -> Json:
        """A contract with the milestones as they stand after this entry."""
        milestones = [dict(milestone) for milestone in self.milestones.values()]
        return {"id": pk, "awardID": self.case.it.reference, "implementation": {"milestones": milestones}}

    def _planned(self, entry: Entry) -> None:
        """Kept for the release of the next change of stage: a plan alone changes none."""
        number = sum(1 for key in self.milestones if key.startswith("tonggak-")) + 1
        self.milestones[f"tonggak-{entry.facts['milestone']}"] = {
            "id": f"tonggak-{entry.facts['milestone']}",
            "title": f"Tonggak {number}",
            "type": "delivery",
            "status": "scheduled",
            "dueDate": _day_end(entry.facts["due"]),
        }

    def _reached(self, entry: Entry) -> Json | None:
        met = {"status": "met", "dateMet": _moment(entry.at)}
        key = f"tonggak-{entry.facts['milestone']}"
        self.milestones[key] = {"id": key, "type": "delivery", **self.milestones.get(key, {}), **met}
        live = [pk for pk, status in self.contracts.items() if status == "active"]
        if not live:
            return None
        return {"tag": [self._tag("implementation")], "contracts": [self._running(pk) for pk in live]}

    def _documented(self, entry: Entry) -> Json:
        """A fact from a public source: a document that names it, and the contract where it is one."""
        facts, it = entry.facts, self.case.it
        document = _full(
            {
                "id": f"sumber-{entry.seq}",
                "title": facts.get("source") or _known(facts),
                "description": f"{_known(facts)}: {facts.get('text', '')}",
                "url": facts.get("source_url"),
                "language": "id",
            }
        )
        if "award" in self.tags:
            news: Json = {"tag": [], "awards": [{"id": it.reference}]}
        else:
            news = self._awarded(entry, DOCUMENTED)
        signed = [a for a in self.case.agreements if a.documented and a.state in PUBLISHED]
        if facts.get("what") == "agreement" and signed:
            fresh = [a for a in signed if str(a.pk) not in self.contracts]
            news["tag"].append(self._tag("contract"))
            news["contracts"] = [
                {**self._documented_contract(a), "documents": [document]}
                if a in fresh
                else {"id": str(a.pk), "awardID": it.reference, "documents": [document]}
                for a in signed
            ]
            self.contracts |= dict.fromkeys((str(a.pk) for a in signed), "active")
            if fresh:
                parties = {p["id"]: p for a in fresh for p in self._parties(a)}
                news["parties"] = list(parties.values())
        elif facts.get("phase") in ("pilot", "effect") and self.contracts:
            news["tag"].append(self._tag("implementation"))
            news["contracts"] = [
                {"id": pk, "awardID": it.reference, "implementation": {"documents": [document]}}
                for pk in self.contracts
            ]
        else:
            news["tag"] = news["tag"] or ["awardUpdate"]
            award = news["awards"][0]
            award["documents"] = [*award.get("documents", []), document]
        if news["awards"] == [{"id": it.reference}]:
            del news["awards"]
        return news

    def _documented_contract(self, agreement: Agreement) -> Json:
        period = {"startDate": _day(agreement.starts_on), "endDate": _day_end(agreement.ends_on)}
        known = {
            "description": f"{DOCUMENTED} {agreement.source}".strip(),
            "status": "active",
            "dateSigned": _day(agreement.starts_on),
            "period": period,
        }
        return _full(self._contract(agreement, **known))


SIGNED = ("active", "terminated")
"""Statuses of a contract that was signed."""

ENDS = {
    "term": "Jangka waktu perjanjian berakhir",
    "consent": "Perjanjian berakhir atas kesepakatan para pihak",
    "notice": "Perjanjian berakhir dengan pemberitahuan satu pihak",
}

PUBLISHED = (AgreementState.SEALED, AgreementState.ENDED)


def compiled(releases: Sequence[Json]) -> Json:
    """The present state: releases merged as the standard says, oldest first."""
    merged: Json = {}
    for release in releases:
        merged = _merged(merged, {k: v for k, v in release.items() if k not in ("id", "date", "tag")})
    last = releases[-1]
    merged |= {"id": f"{last['ocid']}-{last['date']}", "date": last["date"], "tag": ["compiled"]}
    return merged


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> Json:
    result = dict(old)
    for key, value in new.items():
        known = result.get(key)
        if isinstance(value, dict) and isinstance(known, dict):
            result[key] = _merged(known, value)
        elif isinstance(value, list) and isinstance(known, list) and _by_id(value):
            rows = {row["id"]: row for row in known}
            for row in value:
                rows[row["id"]] = _merged(rows.get(row["id"], {}), row)
            result[key] = list(rows.values())
        else:
            result[key] = value
    return result


def _by_id(rows: Sequence[Any]) -> bool:
    return all(isinstance(row, dict) and "id" in row for row in rows)


def record_of(case: Case) -> Json | None:
    """One collaboration's record: its releases and what they compile to; None before the first."""
    releases = releases_of(case)
    if not releases:
        return None
    return {"ocid": case.ocid, "releases": releases, "compiledRelease": compiled(releases)}


def publisher() -> Json:
    """Who publishes: the city this hub hosts."""
    city = City.objects.filter(pk=settings.DEFAULT_CITY).first()
    return {"name": city.name if city else "Balai"}


def release_package(cases: Iterable[Case], uri: str) -> Json | None:
    """The releases of these collaborations as a package; None where there is none to publish."""
    releases = [release for case in cases for release in releases_of(case)]
    dates = [release["date"] for release in releases]
    return {**_head(uri, dates), "releases": releases} if releases else None


def record_package(cases: Iterable[Case], uri: str) -> Json | None:
    """The records of these collaborations as a package; None where there is none to publish."""
    records = [record for case in cases if (record := record_of(case))]
    dates = [record["compiledRelease"]["date"] for record in records]
    return {**_head(uri, dates), "records": records} if records else None


def _head(uri: str, dates: Sequence[str]) -> Json:
    """The envelope. It is as old as its latest release, so the same data is the same file."""
    newest = max(dates, key=dt.datetime.fromisoformat)
    return {"uri": uri, "version": VERSION, "publishedDate": newest, "publisher": publisher()}


def _batches() -> Iterator[list[Case]]:
    """Every public collaboration, the longest public first, a bounded number in memory."""
    place: tuple[dt.datetime, UUID] | None = None
    while True:
        rows = published().order_by("public_since", "pk")
        if place:
            since, pk = place
            rows = rows.filter(Q(public_since__gt=since) | Q(public_since=since, pk__gt=pk))
        page = list(rows[:BATCH])
        if not page:
            return
        yield gather(page)
        place = (page[-1].public_since or timezone.now(), page[-1].pk)


def bulk_lines() -> Iterator[bytes]:
    """Every compiled release as a gzipped line of JSON, in pieces. The same data gives the same bytes."""
    squeeze = zlib.compressobj(wbits=31)
    for cases in _batches():
        for case in cases:
            if record := record_of(case):
                yield squeeze.compress(f"{canonical_json(record['compiledRelease'])}\n".encode())
    yield squeeze.flush()


def bulk_package() -> Iterator[bytes]:
    """One record package of everything, in pieces; its date comes last, when all have been read."""
    yield f'{{"publisher":{canonical_json(publisher())},"records":['.encode()
    dates: list[str] = []
    for cases in _batches():
        for case in cases:
            if record := record_of(case):
                yield f"{',' if dates else ''}{canonical_json(record)}".encode()
                newest = record["compiledRelease"]["date"]
                dates = [max([*dates, newest], key=dt.datetime.fromisoformat)]
    uri = settings.ORIGIN + reverse("api:ocds_everything")
    tail = canonical_json({"publishedDate": dates[0] if dates else EPOCH, "uri": uri, "version": VERSION})
    yield f"],{tail[1:]}".encode()


EPOCH = "1970-01-01T00:00:00Z"
"""The date of a package of nothing."""


def _party(organisation: Organisation) -> Json:
    contact = {"url": organisation.website}
    named = {"id": str(organisation.pk), "name": organisation.name}
    return _full({**named, "contactPoint": contact})


def _city_party(city: City) -> Json:
    return {"id": f"kota-{city.pk}", "name": city.name}


def _named(party: Json) -> Json:
    return {"id": party["id"], "name": party["name"]}


def _page(key: str, kind: str, path: str, entry: Entry) -> Json:
    """A page of this hub as a document."""
    return {
        "id": key,
        "documentType": kind,
        "title": f"Halaman publik {key}" if kind != "contractSigned" else "Halaman publik perjanjian",
        "url": settings.ORIGIN + path,
        "datePublished": _moment(entry.at),
        "format": "text/html",
        "language": "id",
    }


def _grounds(collaboration: Collaboration) -> str:
    """Why the city said yes, as its public page tells it."""
    application = getattr(collaboration, "application", None)
    decision = getattr(application, "decision", None)
    return str(decision.grounds) if decision and decision.accepted else ""


def _labelled(title: str, invented: bool) -> str:
    return INVENTED + title if invented else title


def _moment(at: dt.datetime) -> str:
    return timezone.localtime(at).isoformat()


def _day(on: dt.date | str | None) -> str | None:
    return _at(on, dt.time(0))


def _day_end(on: dt.date | str | None) -> str | None:
    return _at(on, dt.time(23, 59, 59))


def _known(facts: Json) -> str:
    """The day of a documented fact, as exactly as its source tells it."""
    return str(facts["on"])[: {"year": 4, "month": 7}.get(facts.get("precision", "day"), 10)]


def _at(on: dt.date | str | None, clock: dt.time) -> str | None:
    if not on:
        return None
    day = dt.date.fromisoformat(str(on))
    return timezone.make_aware(dt.datetime.combine(day, clock)).isoformat()


def _full(value: Json) -> Json:
    """Without what is empty, at any depth: the standard knows no empty field."""
    kept: Json = {}
    for key, part in value.items():
        if isinstance(part, dict):
            part = _full(part)
        elif isinstance(part, list):
            part = [_full(row) if isinstance(row, dict) else row for row in part]
        if part not in (None, "", [], {}):
            kept[key] = part
    return kept
