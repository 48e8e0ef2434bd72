"""What comes round: days released, missed refreshes told."""

import logging
from datetime import timedelta

import duckdb
from django.db import transaction
from django.db.models import Max
from django.tasks import task
from django.utils import timezone

from balai.core import ledger
from balai.core.periodic import every
from balai.observations import gates
from balai.observations.contracts import read_contract
from balai.observations.models import ContractState, DataContract, DataKey, Receipt
from balai.observations.release import days_to_release, release_day

logger = logging.getLogger(__name__)
PATIENCE = 2
"""How many refreshes may pass before one counts as missed."""


@every(minutes=15)
@task()
def release_due() -> None:
    """Release the days whose late rows have had their time."""
    release_days()


def release_days() -> None:
    """The same, at once."""
    for row in _newest():
        contract = read_contract(row.document)
        for day in days_to_release(contract):
            try:
                release_day(contract, day)
            except duckdb.Error:
                logger.exception("%s of %s could not be released; the others go on.", contract.table, day)


@every(minutes=5)
@task()
def tell_missed() -> None:
    """Tell partner and city once when a contract's rows stay away while its keys are open."""
    now = timezone.now()
    for row in _newest():
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
            DataContract.objects.filter(pk=row.pk).exclude(missed_since=None).update(missed_since=None)
            continue
        with transaction.atomic():
            if not DataContract.objects.filter(pk=row.pk, missed_since=None).update(missed_since=since):
                continue
            ledger.append(
                verb="data.refresh_missed",
                subject=f"data-contract:{row.contract}",
                thread=f"organisation:{row.partner_id}",
                by=None,
                organisation=row.partner_id,
                city=row.city_id,
                public=False,
                data={"contract": row.contract, "since": since.isoformat(timespec="seconds")},
            )


def _newest() -> list[DataContract]:
    """The newest version in force of every major one."""
    found: dict[tuple[str, int], DataContract] = {}
    for row in DataContract.objects.filter(state=ContractState.ACTIVE):
        found.setdefault((row.contract, row.major), row)
    return list(found.values())
