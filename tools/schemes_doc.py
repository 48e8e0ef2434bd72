"""Writes docs/schemes.md from the schemes that come with the hub: ``python tools/schemes_doc.py``."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "schemes.md"
sys.path.insert(0, str(ROOT / "src"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "balai.settings")

HEAD = """# The three schemes

Made from the TOML files in `src/balai/collaborations/schemes_data/` by `python tools/schemes_doc.py`; a test
keeps them equal. A stage waits for the role named in it; the number is its clock in working days.
"""


def page() -> str:
    """The whole page as text."""
    import django
    from django.apps import apps

    if not apps.ready:
        django.setup()
    from django.utils import translation

    from balai.collaborations.registry import ROLES, guards
    from balai.collaborations.schemes import Scheme, parse, shipped

    def diagram(scheme: Scheme) -> str:
        lines = ["```mermaid", "stateDiagram-v2", "    direction LR", f"    [*] --> {scheme.start.key}"]
        for stage in scheme.stages:
            clock = f", {stage.clock}" if stage.clock else ""
            turn = f" ({ROLES[stage.turn]}{clock})" if stage.turn else ""
            lines.append(f"    {stage.key}: {stage.name.en}{turn}")
        for move in scheme.moves:
            lines += [f"    {source} --> {move.target}: {move.name.en}" for source in move.sources]
        lines += [f"    {stage.key} --> [*]" for stage in scheme.stages if stage.is_end]
        return "\n".join([*lines, "```"])

    def table(scheme: Scheme) -> str:
        rows = ["| move | from | to | who | asks first |", "|---|---|---|---|---|"]
        for move in scheme.moves:
            asks = "; ".join(str(guards()[name].text) for name in move.guards)
            who = ", ".join(str(ROLES[role]) for role in move.who)
            sources = ", ".join(move.sources)
            rows.append(f"| {move.name.en} | {sources} | {move.target} | {who} | {asks} |")
        return "\n".join(rows)

    def rules(scheme: Scheme) -> str:
        return "\n".join(f"- {rule.text.en} *({rule.status}: {rule.source})*" for rule in scheme.rules)

    with translation.override("en"):
        parts = [HEAD]
        for source in shipped().values():
            scheme = parse(source)
            parts.append(f"## {scheme.name.en} {scheme.version}\n\n{scheme.promise.en} {scheme.is_not.en}\n")
            parts += [rules(scheme) + "\n", diagram(scheme) + "\n", table(scheme) + "\n"]
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
