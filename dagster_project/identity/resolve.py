"""One customer for all records of the same party, by exact keys.

Here: which evidence is used, in which order, and how a customer is named. Not here: how keys are spelled
(`keys.py`), what keeps customers apart (`groups.py`), and comparing names or addresses that only resemble
each other.

The rules, strongest evidence first; each step works on the groups that the steps before it have made:

1. **External ids.** A record that carries the id of another record belongs to its group, always. Two records
   that carry the id of the same absent record belong together too.
2. **E-mail.** Groups with the same normalised address are joined, be it a contact, a help-desk user, a
   product user or a billing address.
3. **Company domain.** Groups with an organization of the same company domain are joined. The domain is what
   a domain or website field states; only a group where none is stated takes it from its organizations'
   e-mail addresses. Free mail, access providers and platforms are nobody's domain.
4. **Persons by their company's domain.** A group of persons only joins the group of organizations that has
   the domain of their addresses, when there is exactly one.

What keeps customers apart in steps 2 to 4:

* **Cap.** A key of more than `max_parties_per_key` groups links nobody. Groups are counted, not records: a
  company with 30 contacts linked by id is one. In step 4 the groups of persons are counted.
* **Cannot link.** Two groups whose CRM accounts state different domains are never joined, neither by one key
  (the billing address of an agency) nor by a chain of them; two CRM accounts that state the same domain are
  duplicates and are joined. `groups.linking_claims` has the details.

A customer is named after its earliest record, so later records never rename a customer they do not join.
"""

import duckdb
import polars as pl

from dagster_project.identity.evidence import (
    RECORD_KEY,
    account_domains,
    email_claims,
    keyed_evidence,
    number_nodes,
    organization_claims,
    person_claims,
    typed_evidence,
)
from dagster_project.identity.groups import (
    connected_labels,
    find_account_families,
    label_groups,
    linking_claims,
)

CRM_ACCOUNTS = (("salesforce", "accounts"),)


def resolve_identities(
    parties: pl.DataFrame,
    max_parties_per_key: int = 10,
    account_objects: tuple[tuple[str, str], ...] = CRM_ACCOUNTS,
) -> pl.DataFrame:
    """Give every source record the customer it belongs to.

    Args:
        parties: Evidence with the columns of `PARTY_SCHEMA`; several rows may tell about one record
            (`system`, `object`, `source_ref`), each with another link or address. `kind` is `organization`
            or `person`, `domain` a domain or web address, `link_*` the record it says it belongs to;
            `name` and `phone` are not used by exact keys.
        max_parties_per_key: Most groups that an e-mail address or domain may join.
        account_objects: (system, object) whose records stand for one company each in the CRM.

    Returns:
        One row per record, sorted: `system`, `object`, `source_ref`, `customer_id` (`c_` and 16 hexadecimal
        digits), `match_kind` (the strongest key that links the record to another one of its customer:
        `external_id`, `email`, `domain`, or `only_record`), `match_probability` (Float64, 1.0).

    Raises:
        ValueError: When a column is missing or a record has no key.
    """
    evidence = typed_evidence(parties)
    nodes = number_nodes(evidence, account_objects)
    evidence = keyed_evidence(evidence, nodes)

    links = evidence.drop_nulls("link_node")
    linked = connected_labels(links.get_column("node"), links.get_column("link_node"), nodes.height)
    nodes = nodes.with_columns(linked_group=linked)

    claims = email_claims(evidence, nodes, "linked_group")
    families = find_account_families(account_domains(evidence, nodes, "linked_group"), max_parties_per_key)
    claims = linking_claims(claims, families, max_parties_per_key)
    nodes = _joined(nodes, "linked_group", "email_group", claims)

    claims = organization_claims(evidence, nodes, "email_group")
    families = find_account_families(account_domains(evidence, nodes, "email_group"), max_parties_per_key)
    claims = linking_claims(claims, families, max_parties_per_key)
    nodes = _joined(nodes, "email_group", "organization_group", claims)

    claims = person_claims(evidence, nodes, claims, max_parties_per_key)
    nodes = _joined(nodes, "organization_group", "customer_group", claims)
    return _name_customers(nodes.filter("is_record"))


def _joined(nodes: pl.DataFrame, group_column: str, result_column: str, claims: pl.DataFrame) -> pl.DataFrame:
    """Nodes with the groups that remain once the claims have joined those of `group_column`."""
    labels = label_groups(claims).rename({"group": group_column, "label": result_column})
    return nodes.join(
        labels, on=group_column, how="left", validate="m:1", maintain_order="left"
    ).with_columns(pl.col(result_column).fill_null(pl.col(group_column)))


def _name_customers(records: pl.DataFrame) -> pl.DataFrame:
    """Customer id and match kind of each record; the first step that gives it company names the kind."""
    by_age = records.sort("created_at", "node", nulls_last=True)
    heads = by_age.unique("customer_group", keep="first", maintain_order=True).select(
        "customer_group", *RECORD_KEY
    )
    match_kind = (
        pl.when(pl.len().over("linked_group") > 1)
        .then(pl.lit("external_id"))
        .when(pl.len().over("email_group") > 1)
        .then(pl.lit("email"))
        .when(pl.len().over("customer_group") > 1)
        .then(pl.lit("domain"))
        .otherwise(pl.lit("only_record"))
    )
    return (
        records.with_columns(match_kind=match_kind, match_probability=pl.lit(1.0))
        .join(_customer_ids(heads), on="customer_group", validate="m:1")
        .select(*RECORD_KEY, "customer_id", "match_kind", "match_probability")
        .sort(RECORD_KEY)
    )


def _customer_ids(heads: pl.DataFrame) -> pl.DataFrame:
    """Id of each customer from its earliest record.

    SHA-256 by DuckDB: polars' own hash may change with its version.
    """
    with duckdb.connect() as connection:
        connection.register("heads", heads.to_arrow())
        named = connection.sql(
            """
            select
                customer_group,
                'c_' || left(sha256(system || '|' || object || '|' || source_ref), 16) as customer_id
            from heads
            """
        ).to_arrow_table()
    return pl.DataFrame(pl.from_arrow(named))
