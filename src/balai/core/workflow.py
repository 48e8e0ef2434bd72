"""The lock of every record with a state and a revision: one conditional UPDATE on what the actor saw.

Of two people who press at once, one writes the record and the other is told.
"""

from typing import Any

from django.db import models


def written(record: models.Model, *, seen: int | None, **values: Any) -> bool:
    """Write ``values`` and count the revision up, if nobody changed the record since; whether it was so.

    ``seen`` is the revision the person was shown; None where the caller read the record just now. The
    record in hand follows what was written, and stays as it is where nothing was.
    """
    revision = record.serializable_value("revision") if seen is None else seen
    state = record.serializable_value("state")
    rows = type(record)._base_manager.filter(pk=record.pk, revision=revision, state=state)
    if not rows.update(revision=revision + 1, **values):
        return False
    for name, value in {**values, "revision": revision + 1}.items():
        setattr(record, name, value)
    return True
