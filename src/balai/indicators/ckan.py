"""Figures of an open-data portal that runs CKAN: a table of its datastore, column by column."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from balai.indicators.fetching import Unreachable, fetch_json
from balai.indicators.tables import HEADINGS, MOST_ROWS, Exact

PAGE = 1000


@dataclass(frozen=True, slots=True)
class Resource:
    """A table of a portal. ``columns`` names, for our columns, theirs; ``fixed`` holds for every row."""

    portal: str
    resource: str
    columns: Mapping[str, str]
    fixed: Mapping[str, str] = field(default_factory=dict)

    def page(self, offset: int) -> str:
        query = urlencode({"resource_id": self.resource, "limit": PAGE, "offset": offset, "sort": "_id asc"})
        return f"{self.portal.rstrip('/')}/api/3/action/datastore_search?{query}"


def read(resource: Resource, *, private: bool = False) -> tuple[list[dict[str, str]], str]:
    """Every row of the table for `tables.understand`, and the SHA-256 of the answers. Raises Unreachable."""
    if lost := [name for name in (*resource.columns, *resource.fixed) if name not in HEADINGS]:
        raise Unreachable(
            _("There is no column %(name)s; there are %(list)s.")
            % {"name": lost[0], "list": ", ".join(HEADINGS)}
        )
    rows: list[dict[str, str]] = []
    digest = sha256()
    while True:
        address = resource.page(len(rows))
        body, data = fetch_json(address, private=private)
        digest.update(data)
        records, total = _records(body, address)
        rows += _rows(records, resource)
        if not records or len(rows) >= total:
            return rows, digest.hexdigest()
        if len(rows) > MOST_ROWS:
            raise Unreachable(_("A table has at most %(n)s rows. Send it in parts.") % {"n": MOST_ROWS})


def _records(body: Any, address: str) -> tuple[list[Mapping[str, Any]], int]:
    if not isinstance(body, Mapping) or body.get("success") is not True:
        error = body.get("error") if isinstance(body, Mapping) else None
        said = error.get("message") if isinstance(error, Mapping) else None
        raise Unreachable(_("%(url)s refused: %(said)s.") % {"url": address, "said": said or "–"})
    result = body.get("result")
    records = result.get("records") if isinstance(result, Mapping) else None
    if not isinstance(result, Mapping) or not isinstance(records, list):
        raise Unreachable(_("%(url)s answers in another form than CKAN.") % {"url": address})
    total = result.get("total")
    return records, total if isinstance(total, int) else len(records)


def _rows(records: list[Mapping[str, Any]], resource: Resource) -> Iterator[dict[str, str]]:
    for record in records:
        for ours, theirs in resource.columns.items():
            if theirs not in record:
                raise Unreachable(
                    _("The table has no column %(name)s (for %(ours)s). It has %(list)s.")
                    % {"name": theirs, "ours": ours, "list": ", ".join(map(str, record))}
                )
        found = {ours: _text(record[theirs]) for ours, theirs in resource.columns.items()}
        yield {**found, **resource.fixed}


def _text(value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Exact(value)
    return "" if value is None else str(value).strip()
