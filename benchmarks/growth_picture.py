"""One picture of cost against size, from what `daily_job.py` has measured: seconds of the first and of later runs.

Not here: measuring.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

SLOPE = "as the data grow"


def draw_growth(seconds: Mapping[str, Sequence[float]], sizes: Sequence[int], path: Path) -> None:
    """Write the picture as SVG; both axes are logarithmic, so that what grows as the data do is a line of slope 1.

    Args:
        seconds: By run, the first run first: wall seconds at each size.
        sizes: Customers, in ascending order.
        path: Where to.
    """
    import altair as alt  # seconds that a benchmark of one size need not wait
    import polars as pl

    rows = [
        {"customers": size, "seconds": of_run[place], "run": run}
        for run, of_run in seconds.items()
        for place, size in enumerate(sizes)
    ]
    first, *_ = seconds.values()
    slope = [{"customers": size, "seconds": first[0] * size / sizes[0], "run": SLOPE} for size in sizes]
    names = [*seconds, SLOPE]
    frame = pl.DataFrame(rows + slope)
    scale = alt.Scale(type="log", domain=[sizes[0], sizes[-1]])
    chart = (
        alt.Chart(frame)
        .mark_line(point=True)
        .encode(
            alt.X("customers:Q", scale=scale, axis=alt.Axis(values=list(sizes), format=",d"), title="customers"),
            alt.Y("seconds:Q", scale=alt.Scale(type="log"), title="wall seconds"),
            alt.Color("run:N", sort=names, title=None),
            alt.StrokeDash(
                "run:N", sort=names, legend=None,
                scale=alt.Scale(domain=names, range=[[1, 0]] * len(seconds) + [[4, 4]]),
            ),
        )
        .properties(width=520, height=320, title="What a run of the daily job costs")
    )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    chart.save(str(path))
