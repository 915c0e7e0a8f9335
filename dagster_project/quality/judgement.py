"""Great Expectations judges a profile: a small frame of measures, one row per thing that is measured.

Here: one validation per stage, and what it found. Not here: the measures and the rules (`intake.py`, `tables.py`), and
the pages that show them (`pages.py`).
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult


@dataclass(frozen=True)
class Rule:
    """Where one measure of a profile must lie, and what to tell a person when it does not.

    Attributes:
        measure: Column of the profile; where it is empty nothing is judged.
        meaning: What is expected and why, for the pages.
        words: The line for a person: why, and what to do; `{column}` of the profile is filled in.
        lowest: Lowest allowed value; None for no limit.
        highest: Highest allowed value; None for no limit.
        is_blocking: Whether a value outside stops the run; else it warns.
    """

    measure: str
    meaning: str
    words: str
    lowest: float | None = None
    highest: float | None = None
    is_blocking: bool = False


@dataclass(frozen=True)
class Finding:
    """One value outside of its rule: the table that it is about, what a person reads, and whether it stops the run."""

    table: str
    line: str
    is_blocking: bool


@dataclass(frozen=True)
class Judgement:
    """What a validation found.

    Attributes:
        findings: Those that block first, each kind in the order of rules and rows.
        result: Great Expectations' own result, for the pages.
    """

    findings: tuple[Finding, ...]
    result: "ExpectationSuiteValidationResult" = field(repr=False, compare=False)

    @property
    def is_blocking(self) -> bool:
        """Whether something stops the run."""
        return any(finding.is_blocking for finding in self.findings)


def judge(stage: str, profile: pl.DataFrame, rules: Sequence[Rule]) -> Judgement:
    """Validate one profile against its rules, in one validation.

    Args:
        stage: Name of the suite.
        profile: One row per subject: `table` and `subject` (text, unique), the measures of the rules (numbers, empty
            where they do not apply), and what the words of the rules name.
        rules: The suite.
    """
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read while the library is imported: it reports to nobody
    import great_expectations as gx
    import pandas as pd
    from great_expectations.data_context.types.base import ProgressBarsConfig
    from great_expectations.expectations.core.expect_column_values_to_be_between import (
        ExpectColumnValuesToBeBetween,
    )
    from great_expectations.expectations.metadata_types import FailureSeverity

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    data = context.data_sources.add_pandas(stage).add_dataframe_asset(stage)
    expectations = [
        ExpectColumnValuesToBeBetween(
            column=rule.measure,
            min_value=rule.lowest,
            max_value=rule.highest,
            severity=FailureSeverity.CRITICAL if rule.is_blocking else FailureSeverity.WARNING,
            notes=rule.meaning,
            meta={"rule": number},
        )
        for number, rule in enumerate(rules)
    ]
    suite = context.suites.add(gx.ExpectationSuite(name=stage, expectations=expectations))
    validation = context.validation_definitions.add(
        gx.ValidationDefinition(
            name=stage, data=data.add_batch_definition_whole_dataframe(stage), suite=suite
        )
    )
    measures = dict.fromkeys(rule.measure for rule in rules)
    columns: dict[str, Any] = {name: profile[name].cast(pl.Float64).to_numpy() for name in measures}
    subjects = [
        escape(subject) for subject in profile["subject"]
    ]  # the library's pages show them as they are
    result = validation.run(
        batch_parameters={"dataframe": pd.DataFrame({"subject": subjects, **columns})},
        result_format={"result_format": "COMPLETE", "unexpected_index_column_names": ["subject"]},
    )
    return Judgement(_findings(result, profile, rules), result)


def _findings(
    result: "ExpectationSuiteValidationResult", profile: pl.DataFrame, rules: Sequence[Rule]
) -> tuple[Finding, ...]:
    rows = {escape(row["subject"]): row for row in profile.iter_rows(named=True)}
    found = {}
    for judged in result.results:
        number = judged.expectation_config.meta["rule"] if judged.expectation_config else -1
        if judged.exception_info.get("raised_exception"):
            raise RuntimeError(f"{rules[number].measure}: {judged.exception_info['exception_message']}")
        found[number] = [rows[entry["subject"]] for entry in judged.result.get("unexpected_index_list") or []]
    findings = [
        Finding(row["table"], rule.words.format(**row), rule.is_blocking)
        for number, rule in enumerate(rules)
        for row in found.get(number, [])
    ]
    return tuple(sorted(findings, key=lambda finding: not finding.is_blocking))
