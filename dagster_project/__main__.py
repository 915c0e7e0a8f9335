"""Command line: `python -m dagster_project <command>`. Thin: reads the words, calls, sets the exit code.

run            the daily job, from the sources to the published gold
ui             the Dagster UI on http://127.0.0.1:3000, or the port of CUSTINT_UI_PORT
home           make Dagster's folder and print it, for the shell that `dagster dev` is typed in
mlflow         MLflow's pages on http://127.0.0.1:5000, or the port of CUSTINT_MLFLOW_PORT: type `make mlflow`
churn-rollback  withdraw the churn model that scores now; the one before it scores from the next run on
sources-check  one cheap call to each configured live source: can it be read?
map FILE       draft the mapping of a file of another name; saved in the inbox where nothing is in its place
settings       every setting with its value
contracts      write what follows from the contracts: DATA_DICTIONARY.md, dbt/macros/contracts.sql
clean          delete what runs have built; the inbox and the examples stay
"""

import argparse
import importlib.util
import os
import shutil
import sys
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dagster_project.contract_macro import PATH as CONTRACT_MACRO
from dagster_project.contract_macro import refresh_contract_macro
from dagster_project.contracts import gold_tables
from dagster_project.data_dictionary import data_dictionary
from dagster_project.ingest.company import OtherCompanyError
from dagster_project.run_command import run
from dagster_project.settings import PROJECT_DIR, SettingsError, settings

WIDTH = 140  # a log file has no width of its own


def _ui(console: Console, errors: Console) -> int:
    from dagster_project.defs.resources import prepare_dagster_home

    prepare_dagster_home()
    port = str(settings().ui_port)
    console.print(f"Dagster UI on http://127.0.0.1:{port} (Ctrl-C ends it)")
    os.chdir(PROJECT_DIR)
    dagster = str(Path(sys.executable).with_name("dagster"))
    os.execv(dagster, [dagster, "dev", "--host", "127.0.0.1", "--port", port])  # noqa: S606 - no shell


def _home(console: Console, errors: Console) -> int:
    from dagster_project.defs.resources import prepare_dagster_home

    prepare_dagster_home()
    console.print(str(settings().dagster_home), soft_wrap=True, markup=False)
    return 0


def _mlflow(console: Console, errors: Console) -> int:
    from dagster_project.churn.tracking import follow_folder

    folder, port = settings().model_tracking_dir, str(settings().mlflow_port)
    if not (folder / "mlflow.db").exists():
        errors.print(f"{folder} holds no model yet: `make run` makes it.", style="red", markup=False)
        return 1
    installed = importlib.util.find_spec("mlflow")
    if not (installed and installed.origin and (Path(installed.origin).parent / "server/js/build").is_dir()):
        errors.print("MLflow's pages are not installed: `make mlflow` installs and shows them.", style="red")
        return 1
    follow_folder(folder)
    console.print(f"MLflow on http://127.0.0.1:{port} (Ctrl-C ends it)")
    os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    words = f"mlflow ui --workers 1 --host 127.0.0.1 --port {port} --backend-store-uri".split()
    command = [sys.executable, "-m", *words, f"sqlite:///{folder / 'mlflow.db'}"]
    os.execv(sys.executable, command)  # noqa: S606 - no shell
    return 0


def _churn_rollback(console: Console, errors: Console) -> int:
    from dagster_project.churn.model_life import roll_back

    done = roll_back(settings().model_tracking_dir)
    if done is None:
        errors.print(
            "There is no churn model before the one that scores now: nothing was withdrawn.", style="red"
        )
        return 1
    withdrawn, champion = done
    console.print(
        f"Withdrawn: model {withdrawn.model_version} of {withdrawn.trained_as_of[0]}. From the next run on the model"
        f" {champion.model_version} of {champion.trained_as_of[0]} scores; run a day again to score it anew.",
        soft_wrap=True,
    )
    return 0


def _sources_check(console: Console, errors: Console) -> int:
    from dagster_project.ingest.sources_check import check_source, is_readable

    sources = settings().live_sources
    if not sources:
        console.print(
            f"No live source among CUSTINT_SOURCES={','.join(settings().sources)}: nothing to reach."
        )
        return 0
    table = Table("source", "object", "reachable", "authorised", "visible", "newest row", "note", box=None)
    checked = {
        name: list(check_source(name, partial(source.connector, settings())))
        for name, source in sources.items()
    }
    for line in (line for lines in checked.values() for line in lines):
        answers = (line.is_reachable, line.is_authorised, line.is_visible)
        words = ["-" if answer is None else "yes" if answer else "NO" for answer in answers]
        style = "yellow" if line.is_visible is False else "red" if line.is_visible is None else None
        table.add_row(
            line.source, line.object_name, *words, Text(line.newest or "-"), Text(line.note), style=style
        )
    console.print(table)
    return 0 if all(is_readable(lines) for lines in checked.values()) else 1


def _map(console: Console, errors: Console, file: Path) -> int:
    from dagster_project.ingest.files.csv_rows import UnreadableFileError
    from dagster_project.ingest.files.draft import READABLE, draft_mapping

    try:
        draft = draft_mapping(file) if file.suffix.lower() in READABLE else None
    except (UnreadableFileError, OSError) as error:
        errors.print(f"{file}: {error}", style="red", markup=False)
        return 1
    if draft is None:
        errors.print(
            f"{file}: its columns look like no object of docs/bring_your_own_data.md",
            style="red",
            markup=False,
        )
        return 1
    console.print(draft.sql, markup=False, soft_wrap=True)
    inbox = settings().inbox_dir
    target = inbox / f"{draft.object_name}.sql"
    taken = [path.name for path in inbox.glob(f"{draft.object_name}.*")]
    if draft.missing:
        told = f"Not saved: put a column or a value for each ???, and save it as {target}"
    elif file.resolve().parent != inbox.resolve():
        told = f"Not saved: put {file.name} into {inbox}, and the mapping beside it as {target.name}"
    elif taken:
        told = f"Not saved: {', '.join(taken)} is in its place; rename or remove it, and draft again"
    else:
        target.write_text(draft.sql, encoding="utf-8")
        told = f"Saved as {target}: check it, then `make run`"
    console.print(told, markup=False, soft_wrap=True)
    return 0


def _settings(console: Console, errors: Console) -> int:
    for variable, value in settings().by_variable().items():
        shown = ",".join(value) if isinstance(value, tuple) else value
        console.print(f"{variable}={'' if shown is None else shown}", soft_wrap=True, markup=False)
    return 0


def _contracts(console: Console, errors: Console) -> int:
    refresh_contract_macro()
    path = PROJECT_DIR / "DATA_DICTIONARY.md"
    path.write_text(data_dictionary(gold_tables()), encoding="utf-8")
    console.print(f"{path.name} and {CONTRACT_MACRO.name} are those of the contracts")
    return 0


def _clean(console: Console, errors: Console) -> int:
    for path in settings().built_paths:
        if path.is_dir():
            shutil.rmtree(path)
        elif path.exists():
            path.unlink()
        else:
            continue
        console.print(f"deleted {path}", soft_wrap=True, markup=False)
    return 0


COMMANDS = {
    "run": run,
    "ui": _ui,
    "home": _home,
    "mlflow": _mlflow,
    "churn-rollback": _churn_rollback,
    "sources-check": _sources_check,
    "settings": _settings,
    "contracts": _contracts,
    "clean": _clean,
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 when it did what it says, 1 when the run failed, 2 when a setting or the command line is wrong.
    """
    parser = argparse.ArgumentParser(
        prog="python -m dagster_project",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=[*COMMANDS, "map"])
    parser.add_argument("file", nargs="?", type=Path, help="of map: a CSV, Parquet, NDJSON or .xlsx file")
    given = parser.parse_args(arguments)
    if (given.command == "map") != (given.file is not None):
        parser.error("map takes one file, the other commands none")
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        settings()  # before Dagster is imported: a wrong setting is told at once
        command = partial(_map, file=given.file) if given.file else COMMANDS[given.command]
        return command(console, errors)
    except (SettingsError, OtherCompanyError) as error:
        errors.print(str(error), style="red", markup=False)
        return 2


if __name__ == "__main__":
    sys.exit(main())
