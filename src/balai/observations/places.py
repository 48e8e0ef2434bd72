"""Where the data plane keeps its files, below BALAI_HOME."""

from pathlib import Path

from django.conf import settings


def root() -> Path:
    """The folder that several nodes may share."""
    return Path(settings.HOME) / "observations"


def log() -> Path:
    return root() / "log"


def store() -> Path:
    return root() / "store"


def subject_keys() -> Path:
    return root() / "subjects"


def row_key() -> Path:
    return root() / "row.key"
