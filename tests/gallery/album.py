"""Lay the pictures out side by side: `var/gallery/index.html`."""

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path

from tests.gallery.camera import LANGUAGES, SIZES, THEMES, Shot
from tests.gallery.scene import SCENES, Scene
from tests.kit.processes import ROOT

PICTURES = ROOT / "var" / "gallery"
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Munjigi · gallery</title>
<style>
body {{ margin: 0; padding: 1rem; font: 14px/1.5 system-ui, sans-serif; background: #888; }}
section {{ margin-block-end: 2rem; }}
h2 {{ position: sticky; top: 0; margin: 0; padding: .25rem; background: #888; font-size: 1rem; }}
.row {{ display: flex; gap: .5rem; align-items: start; overflow-x: auto; }}
.phone {{ width: 220px; }} .desktop {{ width: 560px; }}
figure {{ margin: 0; flex: none; }} figcaption {{ font-size: 12px; }}
img {{ display: block; width: 100%; }}
li {{ background: #fdd; color: #900; }}
</style></head><body><h1>{count} pages</h1>
{sections}
</body></html>
"""


def note(directory: Path, scene: Scene, faults: Sequence[str]) -> None:
    """Keep the faults of one scene beside its pictures."""
    (directory / f"{scene.name}.json").write_text(json.dumps(faults))


def write(directory: Path) -> None:
    """Write the index of all pictures and faults in this directory."""
    sections = []
    for scene in SCENES:
        rows = []
        for size in SIZES:
            shots = [
                Shot(scene.name, language, theme, size)
                for language in LANGUAGES
                for theme in THEMES
            ]
            figures = [_figure(shot) for shot in shots if (directory / shot.file).exists()]
            rows.append(f'<div class="row">{"".join(figures)}</div>')
        if any("figure" in row for row in rows):
            noted = directory / f"{scene.name}.json"
            faults = json.loads(noted.read_text()) if noted.exists() else ["It was not played."]
            found = "".join(f"<li>{escape(fault)}</li>" for fault in faults)
            sections.append(
                f'<section id="{scene.name}"><h2>{scene.name}</h2><ul>{found}</ul>{"".join(rows)}</section>'
            )
    page = PAGE.format(count=len(sections), sections="\n".join(sections))
    (directory / "index.html").write_text(page)


def _figure(shot: Shot) -> str:
    caption = f"{shot.language} · {shot.theme} · {shot.size}"
    return (
        f'<figure class="{shot.size}"><a href="{shot.file}"><img loading="lazy" src="{shot.file}" '
        f'alt="{shot.scene}, {caption}"></a><figcaption>{caption}</figcaption></figure>'
    )
