"""``balai``: the hub's command line. ``balai help`` lists the commands."""

import os
import sys


def main() -> None:
    if sys.argv[1:2] == ["index"]:
        from balai.methods.index.command import main as index

        sys.exit(index(sys.argv[2:]))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "balai.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(["balai", *sys.argv[1:]])


if __name__ == "__main__":
    main()
