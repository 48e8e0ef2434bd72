"""A task to be killed in the middle of."""

import time
from pathlib import Path

from django.tasks import task


@task
def work_slowly(folder: str, seconds: float) -> str:
    """Leaves a file at its beginning and one at its end; the second time it is quick."""
    again = Path(folder, "begun").exists()
    Path(folder, "begun").touch()
    if not again:
        time.sleep(seconds)
    Path(folder, "ended").touch()
    return "again" if again else "at once"
