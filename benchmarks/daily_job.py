"""The whole daily job from nothing, per step and model, beside the floor; then the next day, and the same day again.

For several sizes also how costs grow. Run it with `make bench`, or `make bench SIZES="2000 10000"`. Each size is a
sample company in a folder of its own. The floor is the same compiled SQL in one bare DuckDB process plus the bare
estimators (`job_floor.py`); the ratio is what orchestration, checks, landing and publishing cost on top. The exponent
is that of cost against size: 1 grows as the data do, 2 as their square. `CUSTINT_MEMORY_LIMIT` and `CUSTINT_THREADS`
hold for job and floor.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from benchmarks.growth_picture import draw_growth  # noqa: E402

SAMPLE_INTERVAL_SECONDS = 0.05
WORTH_A_LOOK_SECONDS = 1.0
FIRST_DAY, NEXT_DAY = "2026-09-29", "2026-09-30"
LAST_RUNS = 2  # landing, and all that follows
KEPT_SETTINGS = ("CUSTINT_MEMORY_LIMIT", "CUSTINT_THREADS")
Row = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """A run of the daily job.

    Attributes:
        seconds: Wall, from the command to its end.
        memory_mb: Peak of the process.
        steps: Name, seconds, rows and memory_mb of each step, in their order.
        models: Seconds and rows by `<schema>.<table>`.
    """

    seconds: float
    memory_mb: float
    steps: list[Row]
    models: dict[str, Row]


@dataclass(frozen=True)
class Measured:
    """All that is measured of a sample company: three runs, and the floor of the first."""

    customers: int
    first: Job
    next_day: Job
    again: Job
    floor: Row


class MemoryWatch:
    """Looks at a process every 50 ms until it ends, and remembers when it took how much."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.seen: list[tuple[float, float]] = []  # seconds since 1970, MB
        self._process = process
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        status = Path(f"/proc/{self._process.pid}/statm")
        page_mb = os.sysconf("SC_PAGE_SIZE") / 2**20
        while self._process.poll() is None:
            self.seen.append((time.time(), int(status.read_text().split()[1]) * page_mb))
            time.sleep(SAMPLE_INTERVAL_SECONDS)

    def peak_mb(self, begin: float = 0, end: float = math.inf) -> float:
        """Most that was seen between two moments."""
        self._thread.join()
        return max((memory for moment, memory in self.seen if begin <= moment <= end), default=0.0)


def environment(data_dir: Path, customers: int) -> dict[str, str]:
    """That of a job: the user's own settings do not count, but for its limits."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("CUSTINT_") or name in KEPT_SETTINGS
    }
    return clean | {"CUSTINT_DATA_DIR": str(data_dir), "CUSTINT_SAMPLE_CUSTOMERS": str(customers)}


def run_job(data_dir: Path, customers: int, day: str) -> Job:
    """Run the daily job for a day; in a new data folder it does all that there is."""
    log = data_dir.with_suffix(".log")
    begun = time.perf_counter()
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "dagster_project", "run"],
            cwd=PROJECT, env=environment(data_dir, customers) | {"CUSTINT_AS_OF_DATE": day},
            stdout=output, stderr=output, text=True,
        )  # fmt: skip
        watch = MemoryWatch(process)
        peak_mb = watch.peak_mb()
    if process.returncode:
        raise SystemExit(f"the job failed:\n{log.read_text()}")
    return Job(time.perf_counter() - begun, peak_mb, *job_events(data_dir, watch))


def job_events(data_dir: Path, watch: MemoryWatch | None = None) -> tuple[list[Row], dict[str, Row]]:
    """What Dagster has written down of the last job in a data folder: steps in their order, and models."""
    from dagster import DagsterInstance  # seconds that `--help` need not wait

    steps: dict[str, Row] = {}
    models: dict[str, Row] = {}
    with DagsterInstance.from_config(str(data_dir / "dagster_home")) as instance:
        for run in reversed(instance.get_runs(limit=LAST_RUNS)):
            for entry in instance.all_logs(run.run_id):
                if entry.dagster_event and entry.step_key:
                    _note(entry, steps, models)
    for step in steps.values():
        step["seconds"] = step["end"] - step["begin"]
        step["memory_mb"] = watch.peak_mb(step["begin"], step["end"]) if watch else 0.0
    return list(steps.values()), models


def _note(entry: Any, steps: dict[str, Row], models: dict[str, Row]) -> None:
    event = entry.dagster_event
    if event.event_type_value == "STEP_START":
        steps[entry.step_key] = {
            "name": entry.step_key,
            "begin": entry.timestamp,
            "end": entry.timestamp,
            "rows": 0,
        }
    elif event.event_type_value == "STEP_SUCCESS":
        steps[entry.step_key]["end"] = entry.timestamp
    elif event.event_type_value == "ASSET_MATERIALIZATION":
        metadata = event.materialization.metadata
        rows = metadata["dagster/row_count"].value if "dagster/row_count" in metadata else 0
        steps[entry.step_key]["rows"] += rows
        if "Execution Duration" in metadata:
            models[".".join(event.asset_key.path)] = {
                "seconds": metadata["Execution Duration"].value,
                "rows": rows,
            }


def run_floor(data_dir: Path, customers: int, day: str, repeats: int = 1) -> Row:
    """The floor of a job that has run, in a process of its own; of several repeats the best for each model."""
    done = subprocess.run(
        [sys.executable, str(PROJECT / "benchmarks" / "job_floor.py"), str(data_dir), day, f"--repeats={repeats}"],
        env=environment(data_dir, customers), check=True, capture_output=True, text=True,
    )  # fmt: skip
    return dict(json.loads(done.stdout))


def exponent(costs: list[float], sizes: list[int]) -> float:
    """Of the power of the size with which a cost grows, from the smallest to the largest size."""
    return math.log(max(costs[-1], 1e-6) / max(costs[0], 1e-6)) / math.log(sizes[-1] / sizes[0])


def report(customers: int, job: Job, floor: Row) -> Iterable[str]:
    """The lines about one size."""
    yield f"\n{customers:,} customers\n"
    yield f"{'step':<44}{'seconds':>9}{'rows':>12}{'memory MB':>11}"
    for step in job.steps:
        yield f"{step['name']:<44}{step['seconds']:>9.1f}{step['rows']:>12,}{step['memory_mb']:>11,.0f}"
    yield f"\n{'model':<44}{'job s':>9}{'bare s':>9}{'bare cpu s':>11}{'rows':>12}{'buffers MB':>12}"
    for cost in sorted(floor["models"], key=lambda cost: -cost["cpu_seconds"]):
        seconds = job.models.get(cost["name"], {}).get("seconds", 0.0)
        yield (
            f"{cost['name']:<44}{seconds:>9.2f}{cost['seconds']:>9.2f}{cost['cpu_seconds']:>11.2f}"
            f"{cost['rows']:>12,}{cost['memory_mb']:>12,.0f}"
        )
    yield f"\n{'estimator':<44}{'':>9}{'bare s':>9}{'bare cpu s':>11}{'rows':>12}"
    for cost in floor["estimators"]:
        yield f"{cost['name']:<44}{'':>9}{cost['seconds']:>9.2f}{cost['cpu_seconds']:>11.2f}{cost['rows']:>12,}"
    bare = total(floor, "seconds")
    yield f"\nwhole job   {job.seconds:8.1f} s   peak memory {job.memory_mb:,.0f} MB"
    sql_memory = f"{floor['sql_memory_mb']:,.0f} MB after the SQL"
    yield f"floor       {bare:8.1f} s   peak memory {floor['memory_mb']:,.0f} MB, {sql_memory}"
    yield f"ratio       {job.seconds / bare:8.1f}"


def later_runs(of_size: Measured) -> Iterable[str]:
    """What the runs after the first cost, the whole and the steps that take long."""
    first, next_day, again = runs = of_size.first, of_size.next_day, of_size.again
    yield f"\n{'seconds of later runs':<44}{'first':>10}{'next day':>10}{'again':>10}"
    steps = [{step["name"]: step["seconds"] for step in job.steps} for job in runs]
    for name, seconds in sorted(steps[0].items(), key=lambda step: -step[1]):
        if seconds >= WORTH_A_LOOK_SECONDS:
            yield f"{name:<44}{seconds:>10.2f}{steps[1].get(name, 0.0):>10.2f}{steps[2].get(name, 0.0):>10.2f}"
    yield f"{'whole job':<44}{first.seconds:>10.2f}{next_day.seconds:>10.2f}{again.seconds:>10.2f}"
    shares = [f"{job.seconds / first.seconds:>10.0%}" for job in runs]
    yield f"{'of the first run':<44}{''.join(shares)}"


def total(floor: Row, column: str) -> float:
    """Of all models and estimators."""
    return float(sum(cost[column] for cost in [*floor["models"], *floor["estimators"]]))


def growth(measured: list[Measured]) -> Iterable[str]:
    """How each step and each model grows, those that take a second at the largest size."""
    sizes = [of_size.customers for of_size in measured]
    floors = [of_size.floor for of_size in measured]
    shown = "".join(f"{f'{size:,}':>10}" for size in sizes)
    yield f"\n{'processor seconds of the bare run':<44}{shown}{'exponent':>10}"
    costs = [
        {cost["name"]: cost["cpu_seconds"] for cost in [*floor["models"], *floor["estimators"]]}
        for floor in floors
    ]
    for name, last in sorted(costs[-1].items(), key=lambda cost: -cost[1]):
        if last >= WORTH_A_LOOK_SECONDS:
            yield _growth_line(name, [cost.get(name, 0.0) for cost in costs], sizes)
    yield _growth_line("all models and estimators", [total(floor, "cpu_seconds") for floor in floors], sizes)
    yield f"\n{'wall seconds of the job':<44}{shown}{'exponent':>10}"
    steps = [{step["name"]: step["seconds"] for step in of_size.first.steps} for of_size in measured]
    for name, last in sorted(steps[-1].items(), key=lambda step: -step[1]):
        if last >= WORTH_A_LOOK_SECONDS:
            yield _growth_line(name, [step.get(name, 0.0) for step in steps], sizes)
    yield _growth_line("whole job", [of_size.first.seconds for of_size in measured], sizes)


def _growth_line(name: str, costs: list[float], sizes: list[int]) -> str:
    return f"{name:<44}{''.join(f'{cost:>10.2f}' for cost in costs)}{exponent(costs, sizes):>10.2f}"


def keep(folder: Path, measured: list[Measured]) -> Iterable[str]:
    """Write all that was measured as JSON, of several sizes also the picture of cost against size; say where."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "daily_job.json").write_text(json.dumps([asdict(of_size) for of_size in measured], indent=1))
    yield f"\nall figures: {folder / 'daily_job.json'}"
    if len(measured) > 1:
        lines = {
            "first run": [of_size.first.seconds for of_size in measured],
            "next day": [of_size.next_day.seconds for of_size in measured],
            "nothing new": [of_size.again.seconds for of_size in measured],
            "floor": [total(of_size.floor, "seconds") for of_size in measured],
        }
        draw_growth(lines, [of_size.customers for of_size in measured], folder / "how_it_grows.svg")
        yield f"picture: {folder / 'how_it_grows.svg'}"


def measure(customers: int, repeats: int) -> Measured:
    """A sample company in a folder of its own: its first day with the floor under it, one more day, and that again."""
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        first = run_job(data_dir, customers, FIRST_DAY)
        floor = run_floor(data_dir, customers, FIRST_DAY, repeats)
        next_day, again = (run_job(data_dir, customers, NEXT_DAY) for _ in range(2))
    return Measured(customers, first, next_day, again, floor)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sizes", type=int, nargs="*", default=[2000], help="customers of the sample company")
    parser.add_argument("--results", type=Path, default=PROJECT / "data" / "benchmarks")
    arguments = parser.parse_args()
    sizes = sorted(arguments.sizes)
    measured: list[Measured] = []
    for customers in sizes:
        of_size = measure(customers, repeats=min(len(sizes), 2))
        print("\n".join([*report(customers, of_size.first, of_size.floor), *later_runs(of_size)]), flush=True)
        measured.append(of_size)
    if len(sizes) > 1:
        print("\n".join(growth(measured)))
    print("\n".join(keep(arguments.results, measured)))


if __name__ == "__main__":
    main()
