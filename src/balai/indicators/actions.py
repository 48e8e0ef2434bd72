"""The catalogue is published, tables of figures are read, confirmed or discarded, the hub's measures kept."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from hashlib import sha256
from typing import IO, Any

from django.core.files.base import File
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from balai.core import documents, ledger
from balai.core.actors import Actor
from balai.core.errors import Invalid, Stale
from balai.core.inspection import CSV, XLSX
from balai.core.models import Document
from balai.core.rules import require
from balai.indicators.models import (
    CityCode,
    DimensionSet,
    ImportBatch,
    ImportState,
    Indicator,
    SetDimension,
    Value,
)
from balai.indicators.planning import Kind, plan
from balai.indicators.rules import may_bring_values, may_close_batch
from balai.indicators.shipped import Catalogue, catalogue
from balai.indicators.tables import HUB, Defaults, Known, Row, read_rows, understand
from balai.people.models import City, User


def publish_catalogue(found: Catalogue | None = None) -> int:
    """Bring sets, crosswalk and indicators to what the catalogue says; how many indicators it has.

    Runs again without effect. An indicator that left the catalogue stays, since figures hang on it.
    """
    found = found or catalogue()
    with transaction.atomic():
        for place, listed in enumerate(found.sets):
            kept, _new = DimensionSet.objects.update_or_create(
                key=listed.key,
                defaults={
                    "name": listed.name,
                    "name_en": listed.name_en,
                    "source": listed.source,
                    "source_url": listed.source_url,
                    "place": place,
                },
            )
            rows: dict[str, SetDimension] = {}
            for order, part in enumerate(listed.parts):
                rows[part.key], _new = SetDimension.objects.update_or_create(
                    of=kept,
                    key=part.key,
                    defaults={
                        "parent": rows.get(part.parent),
                        "name": part.name,
                        "name_en": part.name_en,
                        "place": order,
                    },
                )
            kept.dimensions.exclude(key__in=rows).delete()
            first = SetDimension.objects.filter(of=found.sets[0].key)
            for part in listed.parts:
                if part.counterparts:
                    rows[part.key].counterparts.set(first.filter(key__in=part.counterparts))
        rows_in = [Indicator(**row) for row in found.indicators]
        Indicator.objects.bulk_create(
            rows_in,
            update_conflicts=True,
            unique_fields=["code"],
            update_fields=[name for name in found.indicators[0] if name != "code"],
        )
        ledger.append(
            verb="catalogue.published",
            subject="catalogue:indicators",
            by=None,
            public=True,
            data={"sha256": found.sha256, "indicators": len(rows_in)},
        )
    return len(rows_in)


def read_table(
    *, file: File[bytes] | IO[bytes] | bytes, name: str, by: User, city: City | None, defaults: Defaults
) -> ImportBatch:
    """Keep a table as it came and what it holds, row by row; no figure changes before `confirm`.

    Raises Refused without a seat for the city, Invalid (field ``file``) for a file that is no table.
    """
    require(may_bring_values(by, city))
    with transaction.atomic():
        document = documents.store(
            file=file, name=name, by=by, city=city.code if city else "", allow=frozenset({CSV, XLSX})
        )
        with documents.open_document(document) as kept:
            data = kept.read()
        kind = "xlsx" if document.media_type == XLSX else "csv"
        lines = read_rows(data, kind)
        if city:
            defaults = _with_city(defaults, city)
        return keep_rows(
            lines,
            kind=kind,
            name=document.name,
            digest=document.sha256,
            by=by,
            city=city,
            defaults=defaults,
            document=document,
        )


def keep_rows(
    lines: Iterable[Mapping[str, str]],
    *,
    kind: str,
    name: str,
    digest: str,
    by: Actor | None,
    city: City | None,
    defaults: Defaults,
    document: Document | None = None,
) -> ImportBatch:
    """Keep lines from wherever they came as a batch that waits for confirmation."""
    rows = understand(lines, Known.read(city.code if city else None), defaults)
    if not rows:
        raise Invalid(_("There is no figure in it."))
    return ImportBatch.objects.create(
        city=city,
        kind=kind,
        name=name[:200],
        document=document,
        sha256=digest,
        rows=[row.plain() for row in rows],
        faults=sum(bool(row.faults) for row in rows),
        by=by.pseudonym if by else None,
    )


def confirm(*, batch: ImportBatch, by: User | None) -> ImportBatch:
    """Take over the rows that are sound; those with a fault stay in the batch, to be mended and sent again.

    What the table says is compared with what stands now, not with what stood at the preview: the same
    figure is not written twice, and a source's own correction supersedes its earlier figure.
    ``by`` None is the operator's command. Raises Stale if somebody closed it before.
    """
    if by is not None:
        require(may_close_batch(by, batch))
    with transaction.atomic():
        if not ImportBatch.objects.filter(pk=batch.pk, state=ImportState.PREVIEWED).update(
            state=ImportState.CONFIRMED, closed_at=timezone.now()
        ):
            raise Stale(_("This table was confirmed or discarded already."))
        codes = {row["indicator"] for row in batch.rows if not row["faults"] and not row["empty"]}
        list(Indicator.objects.select_for_update().filter(pk__in=codes).order_by("pk"))
        steps = [step for step in plan(batch) if step.kind in (Kind.NEW, Kind.BESIDE, Kind.CORRECTION)]
        Value.objects.bulk_create(
            [_value_of(step.row, batch, by, step.before) for step in steps], batch_size=500
        )
        batch.refresh_from_db()
        batch.written = len(steps)
        batch.save(update_fields=["written"])
        ledger.append(
            verb="value.imported",
            subject=f"import:{batch.pk}",
            by=by,
            city=batch.city_id or "",
            public=True,
            data={
                "sha256": batch.sha256,
                "written": len(steps),
                "corrections": sum(step.kind is Kind.CORRECTION for step in steps),
                "faults": batch.faults,
            },
        )
    return batch


def discard(*, batch: ImportBatch, by: User) -> None:
    """Put a table away; it stays on record and no figure changes. Raises Stale if it was closed before."""
    require(may_close_batch(by, batch))
    if not ImportBatch.objects.filter(pk=batch.pk, state=ImportState.PREVIEWED).update(
        state=ImportState.DISCARDED, closed_at=timezone.now()
    ):
        raise Stale(_("This table was confirmed or discarded already."))


def keep_measure(
    *,
    city: City,
    indicator: Indicator,
    period: str,
    value: Decimal,
    method_version: str,
    lineage: Mapping[str, Any],
    final: bool,
    invented: bool = False,
) -> Value | None:
    """Keep what the hub computed; a later result for the period supersedes the earlier. None if unchanged."""
    status = "final" if final else "provisional"
    exact = value.quantize(Decimal("0.0001"))
    with transaction.atomic():
        Indicator.objects.select_for_update().get(pk=indicator.pk)
        before = (
            Value.objects.standing()
            .filter(city=city, indicator=indicator, period=period, source=HUB)
            .filter(method_version=method_version, invented=invented)
            .first()
        )
        if before and (before.value, before.status) == (exact, status):
            return None
        made = Value.objects.create(
            city=city,
            indicator=indicator,
            period=period,
            value=exact,
            status=status,
            as_of=timezone.localdate(),
            source=HUB,
            method_version=method_version,
            lineage=dict(lineage),
            invented=invented,
            supersedes=before,
        )
        ledger.append(
            verb="value.computed",
            subject=f"indicator:{indicator.pk}",
            by=None,
            city=city.pk,
            public=True,
            data={"period": period, "value": exact, "method": method_version, "value_id": made.pk},
        )
    return made


PROVINCE, MOST_NAME = "province", 120


def import_cities(*, lines: Sequence[Mapping[str, str]], system: str, source: str) -> tuple[int, int]:
    """Take over provinces, regencies and cities from a list; (new ones, codes noted).

    A line has ``code`` and ``name``, with ``bps`` where the list is not that of the statistics office
    (``system`` other than ``bps``): a city is known here by its code there. For the hub's operator.
    Nobody known already is renamed. Raises Invalid naming the line; then nothing is written.
    """
    provinces: dict[str, str] = {}
    made = noted = 0
    with transaction.atomic():
        known = {city.code: city for city in City.objects.all()}
        slugs = {city.slug for city in known.values()}
        for number, line in enumerate(lines, start=2):
            listed = line.get("code", "").replace(".", "").strip()
            code = listed if system == "bps" else line.get("bps", "").strip()
            name = " ".join(line.get("name", "").split())
            if not (code.isdigit() and len(code) in (2, 4)) or not name or len(name) > MOST_NAME:
                raise Invalid(
                    _("Row %(n)s: a code of two or four digits and a name are needed.") % {"n": number}
                )
            if len(code) == 2:
                provinces[code] = name
            if code not in known:
                known[code] = _new_city(code, name, provinces, known, slugs)
                made += 1
            if listed:
                _row, new = CityCode.objects.get_or_create(
                    system=system, code=listed, defaults={"city": known[code], "source": source[:300]}
                )
                noted += new
        ledger.append(
            verb="cities.imported",
            subject="catalogue:cities",
            by=None,
            public=True,
            data={"system": system, "source": source[:300], "new": made, "codes": noted},
        )
    return made, noted


def _new_city(
    code: str, name: str, provinces: Mapping[str, str], known: Mapping[str, City], slugs: set[str]
) -> City:
    kind = "province" if len(code) == 2 else "city" if name.casefold().startswith("kota ") else "regency"
    above = known.get(code[:2])
    slug = slugify(name)[:44] or code
    if slug in slugs:
        slug = f"{slug}-{code}"
    slugs.add(slug)
    province = name if kind == PROVINCE else provinces.get(code[:2]) or (above.name if above else "")
    return City.objects.create(code=code, slug=slug, name=name, kind=kind, province=province)


def digest_of(data: bytes) -> str:
    """SHA-256 in hexadecimal, by which a batch names what was read."""
    return sha256(data).hexdigest()


def _with_city(defaults: Defaults, city: City) -> Defaults:
    return Defaults(
        defaults.source, defaults.source_url, defaults.method_version, city.code, defaults.decimal
    )


def _value_of(row: Row, batch: ImportBatch, by: User | None, before: Value | None) -> Value:
    return Value(
        indicator_id=row.indicator,
        city_id=row.city,
        period=row.period,
        value=Decimal(row.value),
        status=row.status,
        as_of=dt.date.fromisoformat(row.as_of) if row.as_of else None,
        source=row.source,
        source_url=row.source_url,
        method_version=row.method_version,
        note=row.note,
        supersedes=before,
        batch=batch,
        recorded_by=by.pseudonym if by else None,
    )
