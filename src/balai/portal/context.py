from typing import Any

from django.conf import settings
from django.http import HttpRequest


def hub(request: HttpRequest) -> dict[str, Any]:
    """What every page's frame needs. Costs no query."""
    return {"demo": settings.DEMO, "origin": settings.ORIGIN}
