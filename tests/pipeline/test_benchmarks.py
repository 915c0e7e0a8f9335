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


def job(seconds):
    return daily_job.Job(
        seconds, 1.0, [{"name": "dbt_bronze", "seconds": seconds, "rows": 7, "memory_mb": 1.0}], {}
    )


def floor(**cpu_seconds):
    models = [COST | {"name": f"gold.{name}", "cpu_seconds": cost} for name, cost in cpu_seconds.items()]
    return {"models": models, "estimators": [], "memory_mb": 1.0, "sql_memory_mb": 1.0}


def measured_twice():
    return [
        daily_job.Measured(2000, job(10), job(9), job(3), floor(a=1.0, b=0.01)),
        daily_job.Measured(10000, job(250), job(40), job(5), floor(a=5.0, b=0.1)),
    ]


def test_growth_names_each_model_that_takes_a_second_and_its_exponent():
    lines = list(daily_job.growth(measured_twice()))
    assert [line.split() for line in lines if line.startswith("gold")] == [["gold.a", "1.00", "5.00", "1.00"]]
    assert lines[-1].split() == ["whole", "job", "10.00", "250.00", "2.00"]


def test_what_was_measured_is_printed_and_kept_as_figures_and_as_a_picture(tmp_path, monkeypatch, capsys):
    """The whole command, but for the runs themselves."""
    of_size = {of_size.customers: of_size for of_size in measured_twice()}
    monkeypatch.setattr(daily_job, "measure", lambda customers, repeats: of_size[customers])
    monkeypatch.setattr("sys.argv", ["daily_job.py", "10000", "2000", f"--results={tmp_path}"])
    daily_job.main()
    printed = capsys.readouterr().out
    for words in ("2,000 customers", "10,000 customers", "of the first run", "exponent", "how_it_grows.svg"):
        assert words in printed
    kept = json.loads((tmp_path / "daily_job.json").read_text())
    assert [(size["customers"], size["again"]["seconds"]) for size in kept] == [(2000, 3), (10000, 5)]
    picture = (tmp_path / "how_it_grows.svg").read_text()
    assert all(words in picture for words in ("first run", "next day", "nothing new", "floor", "10,000"))
