"""Command line: `python -m dagster_project run | ui | settings`. Thin: reads the words, calls, sets the exit code."""

import argparse
import os
import sys
from pathlib import Path

from rich.console import Console

from dagster_project.settings import PROJECT_DIR, SettingsError, settings


def _run(console: Console) -> None:
    from dagster_project.defs.daily_run import run_daily  # imports Dagster: seconds that a wrong setting need not wait
    from dagster_project.publish.summary import print_summary

    as_of_date = run_daily()
    print_summary(settings().published_dir, as_of_date, settings().reporting_currency, console)


def _ui(console: Console) -> None:
    from dagster_project.defs.daily_run import prepare_dagster_home

    prepare_dagster_home()
    console.print("Dagster UI on http://127.0.0.1:3000 (Ctrl-C ends it)")
    os.chdir(PROJECT_DIR)
    dagster = str(Path(sys.executable).with_name("dagster"))
    os.execv(dagster, [dagster, "dev", "--host", "127.0.0.1", "--port", "3000"])  # noqa: S606 - no shell


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code is 0 only when it did what it says."""
    parser = argparse.ArgumentParser(prog="python -m dagster_project", description=__doc__)
    parser.add_argument("command", choices=["run", "ui", "settings"])
    command = parser.parse_args(arguments).command
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    console = Console(highlight=False)
    try:
        values = settings()
        if command == "settings":
            for name, value in values:
                console.print(f"CUSTINT_{name.upper()}={value}", soft_wrap=True)
        else:
            {"run": _run, "ui": _ui}[command](console)
    except SettingsError as error:
        errors.print(str(error), style="red", markup=False)
        return 2
    except Exception as error:
        if type(error).__name__ not in ("RunFailedError", "OtherCompanyError"):
            raise
        errors.print(str(error), style="red", markup=False)
        errors.print("What was published before is untouched. Details: `make ui`, Runs.", markup=False)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
