"""The test harness: a home of its own, one database of choice, and people to act with.

``pytest --database=postgres`` runs the same tests on a PostgreSQL cluster started for them.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

hypothesis_settings.register_profile("balai", deadline=None)
hypothesis_settings.load_profile("balai")

HOME = Path(tempfile.mkdtemp(prefix="balai-test-"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database",
        choices=["sqlite", "postgres"],
        default="sqlite",
        help="sqlite (default), or postgres: a cluster started for the tests, or BALAI_DATABASE_URL if set",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Choose home and database before Django reads its settings."""
    given = os.environ.get("BALAI_DATABASE_URL", "")
    for name in [name for name in os.environ if name.startswith("BALAI_") and name != "BALAI_ORACLES"]:
        del os.environ[name]
    (HOME / "static").mkdir(exist_ok=True)
    os.environ["BALAI_HOME"] = str(HOME)
    os.environ["BALAI_SECRET_KEY"] = "for tests only"
    os.environ["BALAI_HOSTS"] = "localhost,127.0.0.1,testserver"
    os.environ["DJANGO_SETTINGS_MODULE"] = "balai.settings"
    if config.getoption("--database") == "postgres":
        if not given:
            from tests.postgres import start

            given = start()
        os.environ["BALAI_DATABASE_URL"] = given

    if not hasattr(config, "workerinput"):
        from tools.messages import compile_all

        compile_all()

    from django.conf import settings

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    if not given or config.getoption("--database") == "sqlite":
        settings.DATABASES["default"]["TEST"]["NAME"] = str(HOME / "test.sqlite3")

    from tests.ledger_tools import let_flush_through

    let_flush_through()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL run what touches a database, and walk the pages on SQLite alone: it takes minutes."""
    if config.getoption("--database") != "postgres":
        return
    fixtures = {"db", "transactional_db", "live_server"}
    touching, others = [], []
    for item in items:
        if item.path.name == "test_every_page.py":
            others.append(item)
            continue
        marked = any(item.iter_markers("django_db")) or any(item.iter_markers("database"))
        asked = fixtures & set(getattr(item, "fixturenames", ()))
        (touching if marked or asked else others).append(item)
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = touching


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(autouse=True)
def _files_of_this_test_only(tmp_path_factory: pytest.TempPathFactory, settings) -> None:
    """Uploads land in a folder of the test, not of its neighbours."""
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path_factory.mktemp("files"), "base_url": None},
        },
    }


@pytest.fixture(autouse=True)
def _language_of_the_city(settings) -> None:
    """A page asked for in English by an earlier test leaves no trace."""
    from django.utils import translation

    translation.activate(settings.LANGUAGE_CODE)


@pytest.fixture
def as_user() -> Callable[..., object]:
    """``as_user(user)`` is a client signed in as them; ``as_user(None)`` a stranger's."""
    from tests.builders import client_of

    return client_of


@pytest.fixture
def city(db) -> object:
    """Jakarta, the hosted city every story starts in."""
    from tests.builders import make_city

    return make_city()


@pytest.fixture
def in_english() -> Iterator[None]:
    """Sentences in English inside the test."""
    from django.utils import translation

    with translation.override("en"):
        yield
