"""Write docs/settings.md from the table in `balai.core.env`; ``--check`` only compares."""

import sys
from pathlib import Path

from balai.core.env import TABLE

TARGET = Path(__file__).resolve().parent.parent / "docs" / "settings.md"
HEAD = """# Settings

Every choice an operator has is an environment variable. Any of them may be given as `NAME_FILE` instead, the
path of a file that holds the value, which suits secrets. A value that cannot be read stops the start with one
sentence. This page is made from the code: `python tools/settings_doc.py`.

| Variable | Default | Meaning |
|---|---|---|
"""


def page() -> str:
    rows = []
    for variable in TABLE:
        default = f"`{variable.default}`" if variable.default else ""
        meaning = variable.meaning.replace("|", r"\|")
        rows.append(f"| `{variable.name}` | {default} | {meaning} |\n")
    return HEAD + "".join(rows)


def main(arguments: list[str]) -> int:
    if "--check" in arguments:
        same = TARGET.exists() and TARGET.read_text(encoding="utf-8") == page()
        print(
            "docs/settings.md is up to date" if same else "docs/settings.md: run python tools/settings_doc.py"
        )
        return 0 if same else 1
    TARGET.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
