"""The benchmarks run, on a few rows: whether they are fast is asked by `make bench`, on a quiet machine."""

import json

import pytest

from benchmarks import daily_job, postgres_reads, sources


def test_event_files_are_measured_beside_duckdb_alone(capsys):
    sources.measure(row_count=4_000, segment_row_count=500, repeats=1)
    printed = capsys.readouterr().out
    assert "event files, 4,000 rows of Parquet" in printed
    assert "rows/s beside DuckDB's own" in printed


def test_postgres_reads_are_measured_beside_the_bare_fetch(capsys):
    postgres_reads.report(row_count=3_000)
    assert "PostgreSQL, 3,000 rows" in capsys.readouterr().out


COST = {"seconds": 2.0, "rows": 7, "memory_mb": 1.0}


@pytest.mark.parametrize(
    ("costs", "sizes", "expected"),
    [([1.0, 5.0], [2000, 10000], 1.0), ([1.0, 25.0], [2000, 10000], 2.0), ([3.0, 3.0], [50, 100], 0.0),
     ([1.0, 9.0, 2.0], [1, 2, 4], 0.5)],
)  # fmt: skip
def test_the_exponent_is_that_of_cost_against_size(costs, sizes, expected):
    assert daily_job.exponent(costs, sizes) == pytest.approx(expected)


def test_growth_names_each_model_that_takes_a_second_and_its_exponent():
    def floor(cpu_seconds):
        model, small = ({"name": name, "cpu_seconds": cost} for name, cost in cpu_seconds.items())
        return {"models": [model | COST, small | COST], "estimators": []}

    def job(seconds):
        return daily_job.Job(seconds, 1, [{"name": "dbt_bronze", "seconds": seconds}], {})

    floors = [floor({"gold.a": 1.0, "gold.b": 0.01}), floor({"gold.a": 5.0, "gold.b": 0.1})]
    lines = list(daily_job.growth([2000, 10000], [job(10), job(250)], floors))
    assert [line.split() for line in lines if line.startswith("gold")] == [["gold.a", "1.00", "5.00", "1.00"]]
    assert lines[-1].split() == ["whole", "job", "10.00", "250.00", "2.00"]


def test_what_was_measured_is_kept_as_figures_and_as_a_picture(tmp_path):
    def job(seconds):
        return daily_job.Job(seconds, 1.0, [{"name": "dbt_bronze", "seconds": seconds}], {})

    floor = {"models": [COST | {"name": "gold.a", "cpu_seconds": 1.0}], "estimators": []}
    laters = [[job(9), job(3)], [job(40), job(5)]]
    told = list(daily_job.keep(tmp_path, [2000, 10000], [job(10), job(50)], laters, [floor, floor]))
    kept = json.loads((tmp_path / "daily_job.json").read_text())
    assert [(size["customers"], size["again"]["seconds"]) for size in kept] == [(2000, 3), (10000, 5)]
    picture = (tmp_path / "how_it_grows.svg").read_text()
    for words in ("nothing new", "first run", "floor", "10,000"):
        assert words in picture
    assert [line.split(": ")[1] for line in told] == [
        str(tmp_path / name) for name in ("daily_job.json", "how_it_grows.svg")
    ]
