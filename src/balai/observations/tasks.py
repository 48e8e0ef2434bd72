"""What comes round: days released, missed refreshes told."""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max
from django.tasks import task
from django.utils import timezone

from balai.core import ledger
from balai.core.periodic import every
from balai.observations import gates
from balai.observations.contracts import read_contract
from balai.observations.engines import EngineError, engine
from balai.observations.models import DataContract, DataKey, Receipt, ReleasedDay
from balai.observations.queries import in_force
from balai.observations.release import days_to_release, release_day

logger = logging.getLogger(__name__)
PATIENCE = 2
"""How many refreshes may pass before one counts as missed."""


@every(minutes=15)
@task()
def release_due() -> None:
    """Release the days whose late rows have had their time."""
    release_days()


def release_days(contract: str = "", name: str = "") -> list[ReleasedDay]:
    """The same, at once: of one contract where named, counted by the engine of that name.

    Raises EngineError where there is no such engine.
    """
    read = [read_contract(row.document) for row in in_force(contract)]
    due = [(one, day) for one in read for day in days_to_release(one)]
    found = []
    if due:
        with engine(name) as counter:
            for one, day in due:
                try:
                    found.append(release_day(one, day, by=counter))
                except EngineError as fault:
                    logger.error("%s of %s could not be released: %s", one.table, day, fault)
    return [made for made in found if made is not None]


@every(minutes=1)
@task()
def replay_asked() -> int:
    """Take the rows in quarantine that somebody asked for; one round of one worker at a time."""
    from balai.observations.replay import replay  # a node and all its parts, needed here only

    return replay()


@every(minutes=5)
@task()
def tell_missed() -> None:
    """Tell partner and city once when a contract's rows stay away while its keys are open."""
    now = timezone.now()
    for row in in_force():
        keys = list(
            DataKey.objects.filter(
                contract=row.contract, major=row.major, sandbox=False, stopped_at=None
            ).exclude(expires_at__lte=now)
        )
        shut = gates.why_shut([(key, row) for key in keys], now)
        opened = [key.created_at for key in keys if key.pk not in shut]
        if not opened:
            DataContract.objects.filter(pk=row.pk).update(missed_since=None, closed_at=now)
            continue
        last = Receipt.objects.filter(contract=row.contract, table=row.table, sandbox=False).aggregate(
            at=Max("received_at")
        )["at"]
        begun = max(min(opened), row.closed_at or min(opened))
        since = max(last or begun, begun)
        wait = timedelta(minutes=PATIENCE * read_contract(row.document).refresh_minutes)
        if now - since <= wait:
            _resumed(row)
            continue
        with transaction.atomic():
            if not DataContract.objects.filter(pk=row.pk, missed_since=None).update(missed_since=since):
                continue
            _tell_refresh("data.refresh_missed", row, since)


def _resumed(row: DataContract) -> None:
    """Rows come again: say so once, where it was said that they stayed away."""
    with transaction.atomic():
        again = DataContract.objects.filter(pk=row.pk, missed_since=row.missed_since)
        if row.missed_since is None or not again.update(missed_since=None):
            return
        _tell_refresh("data.refresh_resumed", row, row.missed_since)


def _tell_refresh(verb: str, row: DataContract, since: datetime) -> None:
    ledger.append(
        verb=verb,
        subject=f"data-contract:{row.contract}",
        thread=f"organisation:{row.partner_id}",
        by=None,
        organisation=row.partner_id,
        city=row.city_id,
        public=False,
        data={"contract": row.contract, "since": since.isoformat(timespec="seconds")},
    )
