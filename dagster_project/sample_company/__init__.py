"""The simulated company behind the embedded default: a B2B software firm that writes landing files.

The other one, a shop, is the package `shop` here; it exports files.

It is a source like any other: it writes files below `landing/` and nothing else in the project knows its
inside. Here: the simulation, the vendors' formats and the planted truth. Not here: anything that reads
the landing zone.
"""

from dagster_project.sample_company.delivery import land_sample_company
from dagster_project.sample_company.progress import SampleCompanyMismatch

__all__ = ["SampleCompanyMismatch", "land_sample_company"]
