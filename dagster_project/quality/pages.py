"""What was judged, as static pages: Great Expectations' own sections in a page that fetches nothing.

Its own pages load stylesheets and scripts from outside addresses. Not here: what is judged (`judgement.py`).
"""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import polars as pl

from dagster_project.quality.judgement import Finding, Judgement, Rule

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#1d2433;max-width:70rem;margin:2rem auto;padding:0 1.5rem}
h1{font-size:1.6rem;margin:0 0 .3rem} h2{font-size:1.15rem;margin:2rem 0 .6rem} h5,h6{font-size:1rem;margin:0}
a{color:#1b5fb4} p{margin:.3rem 0 .6rem} .muted{color:#626b7c}
table{border-collapse:collapse;width:100%;margin:.4rem 0 1rem} th,td{text-align:left;vertical-align:top;
padding:.35rem .6rem;border-bottom:1px solid #dfe3ea} th{color:#626b7c;font-weight:600}
.verdict{padding:.05rem .5rem;border-radius:.3rem;color:#fff;font-size:.85rem;white-space:nowrap}
.passed{background:#2c7a4b} .warned{background:#a86400} .blocked{background:#b3261e}
.alert{border-left:3px solid #9aa5b8;padding:.1rem .7rem;margin-top:1.6rem} td table{width:auto;font-size:.9rem}
.text-danger{color:#b3261e} .badge{background:#eceff4;border-radius:.3rem;padding:0 .3rem}
i.fa-check-circle::before{content:"\\2713";color:#2c7a4b;font-style:normal;font-weight:700}
i.fa-times::before,i.fa-exclamation-triangle::before{content:"\\2717";color:#b3261e;font-style:normal;font-weight:700}
.collapse,a[data-toggle=collapse]{display:none}
th:empty{padding:0;border:0} .wide{overflow-x:auto} .wide td,.wide th{white-space:nowrap;font-size:.85rem}
"""
VERDICTS = {"blocked": "stops the run", "warned": "warns", "passed": "passed"}


@dataclass(frozen=True)
class Stage:
    """What was judged: the name of the stage, when (UTC), its profile and its rules."""

    name: str
    judged_at: dt.datetime
    profile: pl.DataFrame
    rules: Sequence[Rule]


def write_pages(folder: Path, day: str, stage: Stage, judgement: Judgement) -> Path:
    """Write the page of a stage and day in place of the one before, and the index of all pages.

    Args:
        folder: Where the pages are; made if missing.
        day: The day that the run is for, `YYYY-MM-DD`, or another name for a run without one.
        stage: What was judged.
        judgement: What was found.

    Returns:
        The page.
    """
    place = folder / day
    place.mkdir(parents=True, exist_ok=True)
    found = {
        "blocking": [finding.line for finding in judgement.findings if finding.is_blocking],
        "warnings": [finding.line for finding in judgement.findings if not finding.is_blocking],
        "judged_at": f"{stage.judged_at:%Y-%m-%d %H:%M:%S}",
    }
    (place / f"{stage.name}.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    page = place / f"{stage.name}.html"
    page.write_text(_stage_page(day, stage, judgement), encoding="utf-8")
    (folder / "index.html").write_text(_index_page(folder), encoding="utf-8")
    return page


def _page(title: str, body: str) -> str:
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body>{body}</body></html>\n'


def _verdict(blocking: int, warnings: int) -> str:
    kind = "blocked" if blocking else "warned" if warnings else "passed"
    count = blocking or warnings
    return f'<span class="verdict {kind}">{VERDICTS[kind]}{f": {count}" if count else ""}</span>'


def _stage_page(day: str, stage: Stage, judgement: Judgement) -> str:
    blocking = [finding for finding in judgement.findings if finding.is_blocking]
    warnings = [finding for finding in judgement.findings if not finding.is_blocking]
    parts = [
        '<p><a href="../index.html">all days</a></p>',
        f"<h1>{escape(stage.name.capitalize())} of {escape(day)} {_verdict(len(blocking), len(warnings))}</h1>",
        f'<p class="muted">judged {stage.judged_at:%Y-%m-%d %H:%M} UTC, {stage.profile.height:,} rows of measures</p>',
        _lines("What stops the run", blocking),
        _lines("What warns", warnings),
        "<h2>What is expected</h2>",
        *(f"<p><b>{escape(rule.measure)}</b>: {escape(rule.meaning)}</p>" for rule in stage.rules),
        *_sections(judgement),
        "<h2>All measures</h2>",
        _table(stage.profile),
    ]
    return _page(f"{stage.name} of {day}", "\n".join(parts))


def _lines(heading: str, findings: Sequence[Finding]) -> str:
    items = "".join(f"<li>{escape(finding.line)}</li>" for finding in findings)
    return f"<h2>{heading}</h2><ul>{items}</ul>" if findings else ""


def _sections(judgement: Judgement) -> list[str]:
    """One section per measure, as the library draws it; without its first, which is about the library itself."""
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
    from great_expectations.render.view.view import DefaultJinjaSectionView

    document = ValidationResultsPageRenderer().render(judgement.result)
    view: Any = DefaultJinjaSectionView()
    return [
        str(view.render({"section": section.to_json_dict(), "section_loop": {"index": number}}))
        for number, section in enumerate(document.sections[1:], start=1)
    ]


def _table(profile: pl.DataFrame) -> str:
    """The rows of a profile in which something was measured: what was judged, and what was too little to be judged."""
    numbers = [name for name, kind in profile.schema.items() if kind == pl.Float64]
    words = [name for name in ("reason",) if name in profile.columns]
    shown = profile.select("subject", *numbers, *words)
    shown = shown.filter(pl.any_horizontal(pl.col(numbers).is_not_null())) if numbers else shown
    head = "".join(f"<th>{escape(name)}</th>" for name in shown.columns)
    rows = "".join(
        "<tr>" + "".join(f"<td>{_cell(value)}</td>" for value in row) + "</tr>" for row in shown.iter_rows()
    )
    return f'<div class="wide"><table><tr>{head}</tr>{rows}</table></div>'


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{round(value, 4) + 0.0:,.12g}"  # what differs by rounding alone is 0, not -0
    return escape(str(value))


def _index_page(folder: Path) -> str:
    rows = []
    for place in sorted((path for path in folder.iterdir() if path.is_dir()), reverse=True):
        for path in sorted(place.glob("*.json"), key=lambda path: path.stat().st_mtime):
            found = json.loads(path.read_text(encoding="utf-8"))
            lines = [*found["blocking"], *found["warnings"]]
            told = "<br>".join(escape(line) for line in lines[:3])
            link = f'<a href="{place.name}/{path.stem}.html">{escape(path.stem)}</a>'
            verdict = _verdict(len(found["blocking"]), len(found["warnings"]))
            rows.append(f"<tr><td>{place.name}</td><td>{link}</td><td>{verdict}</td><td>{told}</td></tr>")
    head = "<tr><th>day</th><th>stage</th><th>verdict</th><th>what was found</th></tr>"
    words = (
        "What each run was judged by, the newest day first: <b>intake</b> as the sources delivered it, <b>gold</b> as"
        " SQL shaped it, <b>scores</b> of the day."
    )
    return _page("Data quality", f"<h1>Data quality</h1><p>{words}</p><table>{head}{''.join(rows)}</table>")
