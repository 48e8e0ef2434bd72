"""``python -m benchmarks [section ...]``: prints what the hub costs here. Sections: see `SECTIONS`."""

import gc
import os
import platform
import sys
import tempfile
import time

SECTIONS = ("pages", "ledger", "search", "moves", "news", "papers", "ceremony", "index", "dataplane")
SIZE = 500


def main(wanted: list[str]) -> int:
    unknown = set(wanted) - set(SECTIONS)
    if unknown:
        print(
            f"no such section: {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}", file=sys.stderr
        )
        return 2
    with tempfile.TemporaryDirectory(prefix="balai-bench-") as home:
        for name in [name for name in os.environ if name.startswith("BALAI_")]:
            del os.environ[name]
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "balai.settings",
            "BALAI_HOME": home,
            "BALAI_DEMO": "true",
            "BALAI_HOSTS": "testserver,localhost",
            "BALAI_CITY": f"98{SIZE}",
            "BALAI_SECRET_KEY": "for benchmarks only",
            "BALAI_LOG_LEVEL": "ERROR",
        }
        os.makedirs(os.path.join(home, "static"))
        import django

        django.setup()
        from django.conf import settings

        # Nobody is turned away for asking too often: that is what measuring means.
        settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
        _run(wanted or list(SECTIONS))
    return 0


def _run(wanted: list[str]) -> None:
    from importlib import import_module

    import django
    from django.db import connection

    from benchmarks import city, measure

    started = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute("SELECT sqlite_version()")
        (version,) = cursor.fetchone()
    print(
        f"Python {platform.python_version()}, Django {django.__version__}, SQLite {version}, "
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )
    print(
        f"yardstick (plain Python, fixed work): {measure.milliseconds(measure.yardstick().least).strip()} ms"
    )
    _made, seconds = measure.once(lambda: city.make(SIZE))
    print(f"an invented city of {SIZE} applications with 3 reviews each, made in {seconds:.1f} s of CPU")
    gc.collect()
    gc.freeze()
    for name in SECTIONS:
        if name in wanted:
            import_module(f"benchmarks.{name}").run()
    print(f"\n{time.monotonic() - started:.0f} s in all")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
