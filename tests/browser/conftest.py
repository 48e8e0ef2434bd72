"""The hub as these tests visit it."""

import pytest

from tests.chromium import browser as browser


@pytest.fixture
def hub(live_server, settings) -> str:
    """Address of the hub, with its demonstration seal and without limits on how often one may press."""
    settings.DEMO = True
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    return live_server.url
