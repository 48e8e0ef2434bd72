"""Gapless running numbers per series."""

from django.db.models import F

from balai.core.models import Counter


def next_number(series: str) -> int:
    """Return the next number of ``series``, starting at 1. Call inside the caller's transaction."""
    Counter.objects.get_or_create(series=series)
    Counter.objects.filter(series=series).update(last=F("last") + 1)
    return Counter.objects.get(series=series).last


def reference(prefix: str, year: int) -> str:
    """Return a public reference such as ``KBT-2026-0012``, unique in the hub."""
    return f"{prefix}-{year}-{next_number(f'{prefix}/{year}'):04d}"
