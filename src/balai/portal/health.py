"""What a monitor asks: does the database answer, does a worker beat, is the ledger whole."""

import time
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from balai.core.models import HealthRecord, LedgerHead, Worker
from balai.core.notifications import CURSOR
from balai.core.worker import PRESUMED_DEAD

SHOWN = timedelta(days=1)
"""How long the health page tells of an entry that was passed over."""


@never_cache
@require_safe
def healthz(_request: HttpRequest) -> JsonResponse:
    """200 with the state of database, worker, ledger and news; 503 when the database does not answer.

    ``status`` is "ok", or "degraded" where no worker beats, the last verification found a fault, or of an
    entry of the last day nobody could be told.
    """
    start = time.perf_counter()
    try:
        head = LedgerHead.objects.first()
        latency = round((time.perf_counter() - start) * 1000, 1)
        beat = Worker.objects.order_by("-beat_at").values_list("beat_at", flat=True).first()
        records = {record.name: record for record in HealthRecord.objects.all()}
    except DatabaseError:
        return JsonResponse({"status": "down", "database": {"ok": False}}, status=503)
    verified, untold = records.get("ledger"), records.get(CURSOR)
    age = _age(beat)
    worker = {"ok": age is not None and age < PRESUMED_DEAD.total_seconds(), "last_beat_seconds": age}
    ledger: dict[str, Any] = {
        "ok": verified.ok if verified else None,
        "verified_at": verified.at if verified else None,
        "seq": head.seq if head else 0,
        "hash": head.hash if head else "",
    }
    passed_over = untold is not None and timezone.now() - untold.at < SHOWN
    news: dict[str, Any] = {"ok": not passed_over, "untold": untold.note if untold and passed_over else ""}
    whole = worker["ok"] and ledger["ok"] is not False and news["ok"]
    return JsonResponse(
        {
            "status": "ok" if whole else "degraded",
            "database": {"ok": True, "kind": connection.vendor, "latency_ms": latency},
            "worker": worker,
            "ledger": ledger,
            "news": news,
        }
    )


def _age(moment: datetime | None) -> float | None:
    return None if moment is None else round((timezone.now() - moment).total_seconds(), 1)
