"""One customer and one person for all records of the same party, by exact keys.

Here: which evidence is used, in which order. Not here: how keys are spelled (`keys.py`, `telephone.py`),
what must agree besides a shared key (`agreement.py`), what keeps customers apart (`groups.py`), and records
that only resemble each other (`likeness.py`).

The rules for customers, strongest evidence first; each step works on the groups that the steps before it
have made:

1. **External ids.** A record that carries the id of another record belongs to its group, always. Two
   records that carry the id of the same absent record belong together too.
2. **E-mail.** Groups with the same normalised address are joined, be it a contact, a help-desk user, a
   product user or a billing address, when the names of persons and companies agree. A mailbox that a desk reads
   (`team@`, `buchhaltung@`) is nobody's own: it counts as a phone does. A record that is nothing but such an address
   goes to the only group that has it.
3. **Phone.** Groups with the same number and a person of agreeing names, and agreeing names of the
   companies; or of two companies with agreeing names.
4. **Company domain.** Groups with an organization of the same company domain are joined. The domain is what
   a domain or website field states; only a group where none is stated takes it from its organizations'
   e-mail addresses, and then their names must agree with those of the others at the domain or with the domain
   itself. Free mail, access providers and platforms are nobody's domain.
5. **Persons by their company's domain.** A group of persons only joins the group of organizations that has
   the domain of their addresses, when there is exactly one. Who pays for himself is not brought there by the mailbox
   of a desk.

What keeps customers apart in steps 2 to 5:

* **Cap.** A key of more than `max_parties_per_key` groups links nobody. Groups are counted, not records: a
  company with 30 contacts linked by id is one. In step 5 the groups of persons are counted.
* **Cannot link.** Two groups whose accounts state different domains are never joined, neither by one key
  (the billing address of an agency) nor by a chain of them; two accounts that state the same domain are
  duplicates and are joined. `groups.linking_claims` has the details.

Records of one person are found by the same keys, without regard to the customer: two records of persons are
one person when they share an address or a number and the names agree, or when one carries the other's id.
"""

from typing import NamedTuple

import polars as pl

from dagster_project.identity.agreement import (
    EMAIL_RULE,
    PHONE_RULE,
    agreeing_organizations,
    agreeing_persons,
)
from dagster_project.identity.claims import (
    above_cap,
    claims_of,
    company_names,
    edge,
    edges_of,
    linking,
    only_names,
    with_group,
    with_part,
    within_cap,
)
from dagster_project.identity.groups import (
    DomainOwners,
    find_domain_owners,
    label_groups,
)

# How strongly an edge holds when a pair must be separated.
EXTERNAL_ID, EMAIL, PHONE, DOMAIN = 1_000, 100, 60, 30


class ExactGroups(NamedTuple):
    """What exact keys join, and why."""

    customer_edges: pl.DataFrame  # node, key, rule, strength: nodes with one key are one customer
    person_edges: pl.DataFrame  # the same for persons
    owners: DomainOwners  # over the groups of `group_of_node`
    group_of_node: pl.DataFrame  # node, group: the customers that the edges make
    shared_keys: pl.DataFrame  # rule, key, party_count: keys above the cap


def exact_groups(evidence: pl.DataFrame, nodes: pl.DataFrame, max_parties_per_key: int) -> ExactGroups:
    """Join records by exact keys.

    Args:
        evidence: Keyed evidence.
        nodes: Numbered nodes.
        max_parties_per_key: Most groups that a key may join.

    Returns:
        The groups, the edges that make them and the keys that more groups share.
    """
    edges = _link_edges(evidence)
    groups = _groups(edges, nodes)

    email = claims_of(evidence, groups, "email_key", "email_domain")
    shared = [above_cap(email, "email", max_parties_per_key)]
    owners = find_domain_owners(_account_domains(evidence, groups), max_parties_per_key)
    claims = _agreed_emails(within_cap(email, max_parties_per_key), evidence, groups)
    claims = linking(claims, owners, only_names(evidence, groups), max_parties_per_key)
    edges = pl.concat([edges, edges_of(claims, evidence, groups, "email_key", "email", EMAIL)])
    groups = _groups(edges, nodes)

    phone = claims_of(evidence, groups, "phone_key", None)
    shared.append(above_cap(phone, "phone", max_parties_per_key))
    owners = find_domain_owners(_account_domains(evidence, groups), max_parties_per_key)
    claims = _agreed_desks(within_cap(phone, max_parties_per_key), evidence, groups, "phone_key")
    claims = linking(claims, owners, only_names(evidence, groups), max_parties_per_key)
    edges = pl.concat([edges, edges_of(claims, evidence, groups, "phone_key", "phone", PHONE)])
    groups = _groups(edges, nodes)

    domains = _organization_domains(evidence, groups)
    organization = claims_of(domains, groups, "domain", "domain")
    shared.append(above_cap(organization, "domain", max_parties_per_key))
    owners = find_domain_owners(_account_domains(evidence, groups), max_parties_per_key)
    claims = _agreed_domains(within_cap(organization, max_parties_per_key), evidence, groups)
    claims = linking(claims, owners, only_names(evidence, groups), max_parties_per_key)
    edges = pl.concat([edges, edges_of(claims, domains, groups, "domain", "domain", DOMAIN)])
    organization_groups = _groups(edges, nodes)

    homes = _homes(evidence, claims, groups, organization_groups, max_parties_per_key)
    edges = pl.concat([edges, homes])
    groups = _groups(edges, nodes)
    shared_keys = pl.concat(shared)
    return ExactGroups(
        customer_edges=edges,
        person_edges=_person_edges(evidence, nodes, shared_keys),
        owners=find_domain_owners(_account_domains(evidence, groups), max_parties_per_key),
        group_of_node=groups.select("node", "group"),
        shared_keys=shared_keys,
    )


def _link_edges(evidence: pl.DataFrame) -> pl.DataFrame:
    """A record and the record whose id it carries share a key: the pair of them."""
    links = evidence.drop_nulls("link_node").filter(pl.col("node") != pl.col("link_node"))
    pair = pl.format("{}-{}", "node", "link_node")
    ends = [links.select(edge(end, pair, "external_id", EXTERNAL_ID)) for end in ("node", "link_node")]
    return pl.concat(ends).unique()


def _groups(edges: pl.DataFrame, nodes: pl.DataFrame) -> pl.DataFrame:
    """Nodes with the `group` that the edges make of them, the smallest node in it."""
    labels = label_groups(edges.select(pl.col("node").alias("group"), "key"))
    return nodes.join(
        labels.rename({"group": "node", "label": "group"}),
        on="node",
        how="left",
        validate="1:1",
        maintain_order="left",
    ).with_columns(pl.col("group").fill_null(pl.col("node")))


def _agreed_emails(claims: pl.DataFrame, evidence: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    """Divide mailboxes by the names of persons and companies."""
    of_desks = evidence.filter("is_role_mailbox").select(key="email_key").unique()
    desks = claims.join(of_desks, on="key", how="semi")
    own = claims.join(of_desks, on="key", how="anti").with_columns(raw_key="key")
    spelled = with_group(evidence.drop_nulls("email_key"), groups).select(
        pl.col("email_key").alias("key"),
        pl.col("group").alias("member"),
        "given_name",
        "surname",
        "birth_date",
    )
    own = with_part(own, agreeing_persons(spelled.join(own, on="key", how="semi"), EMAIL_RULE))
    own = with_part(own, agreeing_organizations(company_names(own, evidence, groups)))
    return pl.concat(
        [
            own.select(*claims.columns, "raw_key"),
            _agreed_desks(desks, evidence, groups, "email_key"),
            _bare_addresses(desks, groups),
        ]
    )


def _agreed_desks(
    claims: pl.DataFrame, evidence: pl.DataFrame, groups: pl.DataFrame, key: str
) -> pl.DataFrame:
    """Divide what several may share, numbers and mailboxes of desks: once by persons, once by companies.

    Who has no name joins nobody.
    """
    claims = claims.with_columns(raw_key="key")
    holders = with_group(evidence.drop_nulls(key), groups).rename({key: "key", "group": "member"})
    holders = holders.join(claims.select("key"), on="key", how="semi")
    persons = holders.filter(~pl.col("is_organization")).select(
        "key", "member", "given_name", "surname", "birth_date"
    )
    of_persons = with_part(claims, agreeing_persons(persons, PHONE_RULE))
    of_persons = with_part(of_persons, agreeing_organizations(company_names(of_persons, evidence, groups)))
    companies = holders.drop_nulls("organization_name").select("key", "member", "organization_name")
    of_companies = with_part(claims, agreeing_organizations(companies))
    return pl.concat(
        [
            of_persons.with_columns(key=pl.format("person {}", "key")),
            of_companies.with_columns(key=pl.format("company {}", "key")),
        ]
    ).select(claims.columns)


def _bare_addresses(desks: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    """Mailboxes of desks that one group has, beside records that are nothing but the address."""
    bare = groups.group_by("group").agg(pl.col("is_address").all().alias("is_bare"))
    held = desks.join(bare, on="group", validate="m:1")
    only_holder = held.filter((~pl.col("is_bare")).sum().over("key") == 1)
    return only_holder.with_columns(raw_key="key", key=pl.format("address {}", "key")).select(
        *desks.columns, "raw_key"
    )


def _agreed_domains(claims: pl.DataFrame, evidence: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    """Divide domains by the names of the companies; where a field states the domain, only its part has it.

    Where nobody states it, names of workspaces count too: there is nothing else to know the company by.
    """
    # The domain is a name too: of those who state it.
    label = pl.col("key").str.extract(r"^([^.]+)", 1)
    stated = claims.filter("is_stated").select(
        "key", pl.col("group").alias("member"), label.alias("organization_name")
    )
    of_owners = claims.join(stated, on="key", how="semi")
    of_nobody = claims.join(stated, on="key", how="anti")
    names = pl.concat(
        [
            stated,
            company_names(of_owners, evidence, groups),
            company_names(of_nobody, evidence.with_columns(legal_name="organization_name"), groups),
        ]
    )
    divided = with_part(claims.with_columns(raw_key="key"), agreeing_organizations(names))
    is_stated = pl.col("is_stated").any()
    return divided.filter(is_stated.over("key") | ~is_stated.over("raw_key"))


def _organization_domains(evidence: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    """Company domains of organizations: `node`, `domain`, `is_stated`; from e-mails in groups that state none."""
    organizations = with_group(evidence.filter("is_organization"), groups)
    from_email = organizations.filter(pl.col("stated_domain").is_null().all().over("group"))
    return pl.concat(
        [
            organizations.drop_nulls("stated_domain").select(
                "node", pl.col("stated_domain").alias("domain"), pl.lit(value=True).alias("is_stated")
            ),
            from_email.drop_nulls("email_domain").select(
                "node", pl.col("email_domain").alias("domain"), pl.lit(value=False).alias("is_stated")
            ),
        ]
    ).unique()


def _account_domains(evidence: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    """Groups and domains of the accounts; an absent account that others point to states no domain."""
    domains = (
        evidence.filter("is_account").drop_nulls("stated_domain").select("node", "stated_domain").unique()
    )
    return (
        groups.filter("is_account")
        .join(domains, on="node", how="left", validate="1:m")
        .select("group", pl.col("stated_domain").alias("domain"))
    )


def _homes(
    evidence: pl.DataFrame,
    organization_claims: pl.DataFrame,
    claimants: pl.DataFrame,
    groups: pl.DataFrame,
    max_parties_per_key: int,
) -> pl.DataFrame:
    """Edges between persons without a company and the one company that has the domain of their addresses.

    Args:
        evidence: Keyed evidence.
        organization_claims: The domains that joined organizations, by the groups before that.
        claimants: Those groups.
        groups: The groups now.
        max_parties_per_key: Most groups of persons that a domain may bring home.

    Returns:
        Edges.
    """
    home_of_domain = (
        organization_claims.select("group", pl.col("raw_key").alias("email_domain"))
        .join(claimants.select("node", "group"), on="group")
        .join(groups.select("node", pl.col("group").alias("home")), on="node", validate="m:1")
        .select("email_domain", "home")
        .unique()
        .filter(pl.len().over("email_domain") == 1)
    )
    with_company = groups.filter(pl.col("is_organization") | pl.col("is_account")).select("group").unique()
    paying = groups.filter("is_paying_party").select("group").unique()
    loose = with_group(evidence, groups).drop_nulls("email_domain").join(with_company, on="group", how="anti")
    of_payers = loose.filter("is_role_mailbox").join(paying, on="group", how="semi")
    loose = loose.join(of_payers.select("group"), on="group", how="anti")
    settled = (
        loose.select("node", "group", "email_domain")
        .unique()
        .filter(pl.col("group").n_unique().over("email_domain") <= max_parties_per_key)
        .join(home_of_domain, on="email_domain", validate="m:1")
        .filter(pl.col("home").n_unique().over("group") == 1)
    )
    key = pl.format("home {}", "home")
    return pl.concat(
        [
            settled.select(edge("node", key, "domain", DOMAIN)),
            settled.select(edge("home", key, "domain", DOMAIN)),
        ]
    ).unique()


def _person_edges(evidence: pl.DataFrame, nodes: pl.DataFrame, shared_keys: pl.DataFrame) -> pl.DataFrame:
    """Edges between records of one person."""
    is_person = ~pl.col("is_organization") & pl.col("is_record") & ~pl.col("is_account")
    persons = nodes.filter(is_person).select("node")
    of_persons = evidence.join(persons, on="node", how="semi")
    links = _link_edges(of_persons.join(persons, left_on="link_node", right_on="node", how="semi"))
    edges = [links]
    is_role = pl.col("is_role_mailbox").fill_null(value=False)
    for rule, carriers, agreement, strength in (
        ("email", of_persons.filter(~is_role), EMAIL_RULE, EMAIL),
        ("email", of_persons.filter(is_role), PHONE_RULE, EMAIL),
        ("phone", of_persons, PHONE_RULE, PHONE),
    ):
        common = shared_keys.filter(pl.col("rule") == rule).select("key")
        claims = (
            carriers.drop_nulls(f"{rule}_key")
            .select(
                pl.col(f"{rule}_key").alias("key"),
                pl.col("node").alias("member"),
                "given_name",
                "surname",
                "birth_date",
            )
            .join(common, on="key", how="anti")
        )
        parts = agreeing_persons(claims, agreement).with_columns(key=pl.format("{}#{}", "key", "part"))
        joined = parts.filter(pl.len().over("key") > 1)
        edges.append(joined.select(edge(pl.col("member"), pl.col("key"), rule, strength)))
    return pl.concat(edges)
