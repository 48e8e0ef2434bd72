"""``python -m tests.fuzz TARGET --seconds N``: throw what coverage leads to at one of the doors."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

import atheris


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("target")
    parser.add_argument("--seconds", type=int, default=60)
    asked = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="balai-fuzz-"))
    os.environ |= {
        "BALAI_HOME": str(home),
        "DJANGO_SETTINGS_MODULE": "balai.settings",
        "BALAI_LOG_LEVEL": "ERROR",
    }
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))
    import django

    with atheris.instrument_imports(include=["balai.observations"]):
        django.setup()
        from tests.fuzz.seeds import seeds
        from tests.fuzz.targets import TARGETS
    target = TARGETS[asked.target]
    corpus = home / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(seeds()[asked.target]):
        (corpus / str(number)).write_bytes(seed)
        target(seed)
    # More than any input may cost, on a machine that has other things to do as well.
    bounds = [
        "-timeout=20",
        "-rss_limit_mb=768",
        f"-artifact_prefix={home}/",
        "-max_len=16384",
        f"-max_total_time={asked.seconds}",
    ]
    atheris.Setup([sys.argv[0], str(corpus), *bounds, "-print_final_stats=1"], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
