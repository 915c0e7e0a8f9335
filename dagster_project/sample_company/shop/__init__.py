"""The other simulated company: a chain of stores with a web shop and a loyalty programme, and no contracts.

Customers come and go without telling anybody. It exports files as a shop does, and they go through the file drop like
anybody's own. Here: the story, its exports and the planted truth. Not here: what the software firm shares with it
(chance, calendar, words: the package above), and how files are read (`ingest/files`).
"""

from dagster_project.sample_company.shop.delivery import export_shop

__all__ = ["export_shop"]
