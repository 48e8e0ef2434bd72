from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.walk.town import Town


@pytest.fixture(scope="module", autouse=True)
def _files_of_this_test_only(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The town keeps its files as long as its module lasts, and has a seal and no limit on requests."""
    from django.conf import settings
    from django.test.utils import override_settings

    files: Path = tmp_path_factory.mktemp("town")
    storages = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": files, "base_url": None},
        },
    }
    caches = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    with override_settings(DEMO=True, STORAGES=storages, CACHES=caches):
        yield


@pytest.fixture(scope="module")
def town(django_db_setup, django_db_blocker, _files_of_this_test_only) -> Iterator["Town"]:
    """One town for a module: building it costs seconds. What a test writes is undone after the test."""
    from django.db import transaction

    from tests.walk.town import Town

    with django_db_blocker.unblock(), transaction.atomic():
        yield Town()
        transaction.set_rollback(True)
