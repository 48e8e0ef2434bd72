"""The keys as an ingest node knows them: read from the database every second, by a thread of its own."""

import logging
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from django.db import close_old_connections
from django.db.models import Sum
from django.utils import timezone

from balai.observations import gates, places
from balai.observations.checking import Checker
from balai.observations.contracts import read_contract
from balai.observations.intake import Door, Sent
from balai.observations.models import ContractState, DataContract, DataKey, Receipt, SnapClient
from balai.observations.quota import Bucket
from balai.observations.sealing import RowSeal
from balai.observations.signing import Client
from balai.observations.snap_clients import known_client

EVERY = 1.0
STALE_AFTER = 30.0
logger = logging.getLogger(__name__)


class DoorsOutOfDateError(RuntimeError):
    """The database has not answered for so long that a stopped key could still be open."""


class Doors:
    """A mapping of key id to door that follows the database; ``open()`` starts following.

    ``clients`` are those that sign instead of showing a key, by the key that opens for them.
    """

    def __init__(self) -> None:
        self._doors: dict[str, Door] = {}
        self._checkers: dict[str, Checker] = {}
        self.clients: dict[str, Client] = {}
        self._seen: set[str] = set()
        self._seal: RowSeal | None = None
        self._read_at = 0.0
        self._stop = threading.Event()

    def __call__(self) -> Mapping[str, Door]:
        """The doors now. Raises DoorsOutOfDateError."""
        if time.monotonic() - self._read_at > STALE_AFTER:
            raise DoorsOutOfDateError("The hub's database does not answer.")
        return self._doors

    def open(self) -> None:
        """Read once, then go on in the background."""
        self.read()
        threading.Thread(target=self._follow, name="doors", daemon=True).start()

    def close(self) -> None:
        self._stop.set()

    def _follow(self) -> None:
        while not self._stop.wait(EVERY):
            try:
                close_old_connections()
                self.read()
            except Exception:
                # Whatever it was: a thread that ends would close every door for good.
                logger.warning("The keys could not be read; the ones known stay.", exc_info=True)

    def read(self) -> None:
        """Bring the doors up to date. A door that stays keeps its bucket and its day's count."""
        newest: dict[tuple[str, int], DataContract] = {}
        for contract in DataContract.objects.filter(state=ContractState.ACTIVE).order_by(
            "contract", "major", "minor", "patch"
        ):
            newest[(contract.contract, contract.major)] = contract
        doors: dict[str, Door] = {}
        now = timezone.now()
        self._read_clients()
        keys = list(DataKey.objects.all())
        shut = gates.why_shut(
            [(k, newest[k.contract, k.major]) for k in keys if (k.contract, k.major) in newest], now
        )
        for key in keys:
            contract_now = newest.get((key.contract, key.major))
            if contract_now is None:
                continue
            known = self._doors.get(key.pk)
            doors[key.pk] = Door(
                id=key.pk,
                secret_sha256=bytes.fromhex(key.secret_sha256),
                checker=self._checker(contract_now),
                sandbox=key.sandbox,
                stopped=shut.get(key.pk, ""),
                rows_per_second=key.rows_per_second,
                rows_per_day=key.rows_per_day,
                bucket=known.bucket
                if known and known.rows_per_second == key.rows_per_second
                else Bucket(key.rows_per_second),
                today=known.today if known else _sent_today(key.pk, now),
            )
        self._doors = doors
        self._read_at = time.monotonic()

    def _read_clients(self) -> None:
        """Clients never change, so each is opened once; one whose secret cannot be read stays unknown."""
        for client in SnapClient.objects.exclude(pk__in=self._seen):
            self._seal = self._seal or RowSeal(places.secrets_key())
            self._seen.add(client.pk)
            try:
                self.clients[client.pk] = known_client(client, self._seal)
            except ValueError:
                logger.error("The secret of the client %s cannot be read.", client.pk)

    def _checker(self, contract: DataContract) -> Checker:
        if contract.sha256 not in self._checkers:
            self._checkers[contract.sha256] = Checker(read_contract(contract.document))
        return self._checkers[contract.sha256]


def _sent_today(key: str, now: datetime) -> Sent:
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    sent = Receipt.objects.filter(key=key, received_at__gte=midnight).aggregate(sum=Sum("received"))["sum"]
    return Sent(int(midnight.timestamp() // 86400), sent or 0)
