"""One small city for a module of API tests; what a test writes is undone after the test."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.api.place import Place


@pytest.fixture(scope="module", autouse=True)
def _files_of_this_test_only(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Files as long as the module lasts, and counts of nobody's requests."""
    from django.conf import settings
    from django.test.utils import override_settings

    files: Path = tmp_path_factory.mktemp("place")
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
def shared_place(django_db_setup, django_db_blocker, _files_of_this_test_only) -> Iterator["Place"]:
    from django.db import transaction

    from tests.api.place import Place

    with django_db_blocker.unblock(), transaction.atomic():
        yield Place()
        transaction.set_rollback(True)


@pytest.fixture
def place(shared_place, db) -> "Place":
    """The module's city, inside a transaction of the test's own."""
    return shared_place
