"""Salesforce: accounts, contacts, opportunities, campaigns and their members.

Frames carry the landing columns and two of our own: `_day`, the day number of delivery, and `_customer`,
who it truly is. Not here: what happened (the simulation) and delivery (`delivery`).
"""

import datetime as dt

import numpy as np
import polars as pl

from dagster_project.sample_company import catalogue, words
from dagster_project.sample_company.contacts import CLICKED, MAILING_DAYS
from dagster_project.sample_company.directory import FINANCE_SLOT, Directory, choose
from dagster_project.sample_company.randomness import code_text, mixed, mixed_index, mixed_uniform
from dagster_project.sample_company.simulation import Simulation
from dagster_project.sample_company.timeline import (
    HISTORY_START,
    date_text,
    day_of,
    day_of_second,
    salesforce_text,
    unix_seconds,
)

WEBINAR_MONTHS = (2, 5, 8, 11)
WEBINAR = 2
"""Third campaign of a month, after the two mailings."""
SELLERS = ("Alma Reyes", "Bruno Falk", "Chiara Nunn", "Dario Webb", "Edda Moss", "Finn Okafor")
STAGES = ("Proposal", "Closed Won", "Closed Lost")


def stamped(frame: pl.DataFrame, created: str = "created", modified: str = "modified") -> pl.DataFrame:
    """Add CreatedDate, SystemModstamp and the day of delivery from two columns of unix seconds."""
    return frame.with_columns(
        salesforce_text(pl.col(created)).alias("CreatedDate"),
        salesforce_text(pl.col(modified)).alias("SystemModstamp"),
        day_of_second(pl.col(modified)).alias("_day"),
    )


def users(_simulation: Simulation, directory: Directory) -> pl.DataFrame:
    """The sellers, who own accounts and opportunities; they came before the first customer."""
    first_names = [name.split()[0].lower() for name in SELLERS]
    rows = pl.DataFrame(
        {
            "Id": _seller_ids(directory.seed),
            "Name": SELLERS,
            "Email": [f"{name}@sales.example" for name in first_names],
        }
    )
    before = pl.lit(int(unix_seconds(-1_190)))
    return stamped(rows.with_columns(created=before, modified=before)).with_columns(IsActive=pl.lit(True))


def _seller_ids(seed: int) -> list[str]:
    codes = code_text(mixed(seed, "seller", np.arange(len(SELLERS))), 15)
    return [f"005{code}" for code in codes]


def _owner(seed: int, customer: pl.Series) -> pl.Series:
    """Who looks after each customer."""
    owner = mixed_index(seed, "owner", len(SELLERS), customer.to_numpy().astype(np.int64))
    return pl.Series("OwnerId", np.array(_seller_ids(seed))[owner])


def _companies(simulation: Simulation, directory: Directory) -> pl.DataFrame:
    people = simulation.population
    created = unix_seconds(people.lead_day, people.anchor_second + 9_000)
    change = unix_seconds(directory.frame["change_day"].to_numpy(), 36_000)
    again = unix_seconds(directory.frame["duplicate_day"].to_numpy(), 39_600)
    return directory.frame.with_columns(
        pl.Series("created", created),
        pl.Series("change_second", np.maximum(change, created + 86_400)),
        pl.Series("again_second", np.maximum(again, created + 86_400)),
        pl.Series("industry", people.industry),
        pl.Series(
            "employees",
            people.initial_seats * 3 + mixed_index(people.seed, "staff", 20, np.arange(people.size)),
        ),
        _customer=pl.col("customer"),
    )


def accounts(simulation: Simulation, directory: Directory) -> pl.DataFrame:
    """One row per version: new, with a changed web address, or entered a second time.

    Companies, and a part of the private persons as person accounts; subsidiaries and some family members name
    their parent.
    """
    first = (
        _companies(simulation, directory)
        .filter("has_account")
        .with_columns(
            Id=pl.col("account_id"),
            Name=pl.col("salesforce_name"),
            host=pl.col("domain"),
            modified=pl.col("created"),
        )
    )
    moved = first.filter(trap="changed_domain").with_columns(
        host=pl.col("new_domain"), modified=pl.col("change_second")
    )
    second = first.filter(trap="duplicate_account").with_columns(
        Id=pl.col("second_account_id"),
        Name=pl.col("second_name"),
        created=pl.col("again_second"),
        modified=pl.col("again_second"),
    )
    is_person, is_second = pl.col("is_person"), pl.col("Id") == pl.col("second_account_id")
    parent = directory.frame["account_id"].to_list()
    mail = (
        pl.when(is_second)
        .then("second_person_email")
        .when(pl.col("salesforce_chance") < 0.75)
        .then("person_email")
    )
    rows = pl.concat([first, moved, second])
    return stamped(rows.with_columns(_owner(directory.seed, rows["customer"]))).with_columns(
        Website=pl.when(~is_person).then(pl.format("https://www.{}", "host")),
        IsPersonAccount=is_person,
        FirstName=pl.when(is_person).then("salesforce_given"),
        LastName=pl.when(is_person).then("salesforce_surname"),
        PersonEmail=pl.when(is_person).then(mail),
        PersonBirthdate=pl.col("birth_date"),
        Phone=pl.col("salesforce_phone"),
        Industry=pl.when(~is_person).then(choose(words.INDUSTRIES, pl.col("industry"))),
        NumberOfEmployees=pl.when(~is_person).then("employees"),
        ParentId=choose(tuple(parent), pl.col("parent")),
        _person=pl.when(is_person).then(0),
        BillingStreet=pl.col("salesforce_address_line"),
        BillingCity=pl.col("city"),
        BillingPostalCode=pl.col("postal_code"),
        BillingCountry=pl.col("country"),
        IsDeleted=pl.lit(False),
    )


def contacts(simulation: Simulation, directory: Directory) -> pl.DataFrame:
    """The main contact, who pays, sometimes a second user; a duplicate account has the main contact again."""
    companies = _companies(simulation, directory).filter(~pl.col("is_person"))
    main = companies.with_columns(slot=pl.lit(0), AccountId=pl.col("account_id"))
    finance = main.filter(pl.col("salesforce_chance") < 0.7).with_columns(slot=pl.lit(FINANCE_SLOT))
    user = main.filter(pl.col("product_chance") < 0.4).with_columns(slot=pl.lit(1))
    again = main.filter(trap="duplicate_account").with_columns(
        slot=pl.lit(0), AccountId=pl.col("second_account_id"), created=pl.col("again_second") + 300
    )
    rows = pl.concat([main, finance, user, again]).with_columns(modified=pl.col("created") + 60)
    rows = rows.hstack(directory.people(rows["customer"], rows["slot"]))
    is_again = rows["AccountId"] == rows["second_account_id"]
    key = code_text(
        mixed(
            directory.seed,
            "contact",
            rows["customer"].to_numpy(),
            rows["slot"].to_numpy().astype(np.int64),
            is_again.to_numpy().astype(np.int64),
        ),
        15,
    )
    rows = rows.with_columns(Id="003" + pl.Series(key))
    moved = rows.filter(trap="changed_domain").with_columns(
        email=pl.format("{}@{}", "local_part", "new_domain"), modified=pl.col("change_second") + 120
    )
    rows = pl.concat([rows, moved])
    title = mixed_index(
        directory.seed,
        "title",
        len(words.TITLES),
        rows["customer"].to_numpy(),
        rows["slot"].to_numpy().astype(np.int64),
    )
    return stamped(rows).with_columns(
        FirstName=pl.col("first_name"),
        LastName=pl.col("last_name"),
        Email=pl.col("email"),
        Phone=pl.when(pl.col("slot") == 1)
        .then(pl.format("{} ext. {}", "salesforce_phone", pl.col("customer") % 80 + 10))
        .otherwise("salesforce_phone"),
        _person=pl.col("slot"),
        Title=pl.when(pl.col("slot") == FINANCE_SLOT)
        .then(pl.lit("Accountant"))
        .otherwise(choose(words.TITLES, pl.lit(pl.Series(title)))),
        Birthdate=pl.lit(pl.Series(_birth_dates(directory.seed, rows))),
        MailingStreet=pl.col("address_line"),
        MailingCity=pl.col("city"),
        MailingPostalCode=pl.col("postal_code"),
        MailingCountry=pl.col("country"),
        IsDeleted=pl.lit(False),
    )


def _birth_dates(seed: int, rows: pl.DataFrame) -> pl.Series:
    """Birth dates of contacts by customer and slot, known of a third of them."""
    who, slot = rows["customer"].to_numpy(), rows["slot"].to_numpy().astype(np.int64)
    born = unix_seconds(-mixed_index(seed, "contact birth day", 40 * 365, who, slot) - 22 * 365)
    is_known = mixed_uniform(seed, "contact birth date", who, slot) < 0.35
    return pl.select(pl.when(pl.Series(is_known)).then(date_text(pl.lit(pl.Series(born))))).to_series()


def opportunities(simulation: Simulation, directory: Directory) -> pl.DataFrame:
    """New business, renewals of yearly subscriptions and expansions, one row per version."""
    people = simulation.population
    interval = people.is_yearly.astype(np.int64)
    per_year = catalogue.UNIT_CENTS[people.plan, interval, people.currency] * np.where(
        people.is_yearly, 1, 12
    )
    lead = unix_seconds(people.lead_day, people.anchor_second + 10_000)
    decided = unix_seconds(people.join_day, people.anchor_second + 12_000)
    new = pl.DataFrame(
        {
            "customer": np.arange(people.size),
            "cents": people.initial_seats * per_year,
            "currency": people.currency,
            "created": lead,
            "close": decided,
            "number": 0,
        }
    )
    won = pl.Series(people.is_paying)
    first = new.with_columns(stage=pl.lit(0), modified=pl.col("created"), kind=pl.lit("New Business"))
    last = new.with_columns(
        stage=pl.when(won).then(1).otherwise(2), modified=pl.col("close"), kind=pl.lit("New Business")
    )
    renewal = simulation.log.frame(
        "renewal", ("customer", "period_end", "cents", "currency", "stage", "second")
    )
    close = pl.Series(unix_seconds(renewal["period_end"].to_numpy()))
    renewal = renewal.select(
        "customer", "cents", "currency", "stage",
        created=pl.when(pl.col("stage") == 0).then("second").otherwise(pl.lit(close) - 60 * 86_400 + 36_000),
        close=pl.when(pl.col("stage") == 0).then(close).otherwise("second"),
        number=pl.col("period_end") + 10_000, modified="second", kind=pl.lit("Renewal"),
    )  # fmt: skip
    expansion = simulation.log.frame(
        "expansion", ("customer", "number", "cents", "currency", "second")
    ).select(
        "customer",
        "cents",
        "currency",
        stage=pl.lit(1),
        created="second",
        close="second",
        number="second",
        modified="second",
        kind=pl.lit("Expansion"),
    )
    order = ["customer", "number", "cents", "currency", "stage", "created", "close", "modified", "kind"]
    parts = [
        part.with_columns(pl.col(order[:-1]).cast(pl.Int64)).select(order)
        for part in (first, last, renewal, expansion)
    ]
    rows = pl.concat(parts)
    rows = rows.filter(directory.rows(rows["customer"], "has_account").to_series())
    company = directory.rows(rows["customer"], "account_id", "base")
    key = code_text(
        mixed(directory.seed, "opportunity", rows["customer"].to_numpy(), rows["number"].to_numpy()), 15
    )
    amount = np.round(rows["cents"].to_numpy() / 100 * catalogue.USD_PER_UNIT[rows["currency"].to_numpy()], 2)
    return stamped(rows.hstack(company).with_columns(_owner(directory.seed, rows["customer"]))).with_columns(
        Id="006" + pl.Series(key),
        AccountId=pl.col("account_id"),
        Name=pl.format("{} - {}", "base", "kind"),
        StageName=choose(STAGES, pl.col("stage")),
        Type=pl.col("kind"),
        Amount=pl.Series(amount),
        IsWon=pl.col("stage") == 1,
        IsClosed=pl.col("stage") > 0,
        CloseDate=date_text(pl.col("close")),
    )


def campaign_id(seed: int, month: pl.Series, part: pl.Series) -> pl.Series:
    """Salesforce id of the mailing (0 and 1) or webinar (2) of a month; months are counted from year 0."""
    return "701" + pl.Series(code_text(mixed(seed, "campaign", month.to_numpy(), part.to_numpy()), 15))


def campaigns(simulation: Simulation, directory: Directory) -> pl.DataFrame:
    """Two mailings a month and a webinar a quarter, each announced and later completed."""
    first = 12 * HISTORY_START.year + HISTORY_START.month - 1
    months = range(first, first + simulation.last_day // 28 + 2)
    held = [
        (month, part)
        for month in months
        for part in range(3)
        if part < WEBINAR or month % 12 + 1 in WEBINAR_MONTHS
    ]
    day_of_month = (*MAILING_DAYS, 15)
    days = [day_of(dt.date(month // 12, month % 12 + 1, day_of_month[part])) for month, part in held]
    rows = pl.DataFrame(held, schema=["month", "part"], orient="row").with_columns(
        start=pl.Series(unix_seconds(np.array(days), 28_800))
    )
    rows = rows.with_columns(
        created=pl.col("start") - 5 * 86_400, modified=pl.col("start") - 5 * 86_400, is_done=pl.lit(False)
    )
    rows = pl.concat([rows, rows.with_columns(modified=pl.col("start") + 6 * 86_400, is_done=pl.lit(True))])
    is_webinar = pl.col("part") == WEBINAR
    planned = pl.when(is_webinar).then(4_000.0).otherwise(600.0)
    title = choose(("Product news", "Practice tips", "Customer webinar"), pl.col("part"))
    return stamped(rows).with_columns(
        Id=campaign_id(directory.seed, rows["month"], rows["part"]),
        Name=pl.format(
            "{} {}-{}", title, pl.col("month") // 12, (pl.col("month") % 12 + 1).cast(pl.String).str.zfill(2)
        ),
        Type=pl.when(is_webinar).then(pl.lit("Webinar")).otherwise(pl.lit("Email")),
        Status=pl.when("is_done").then(pl.lit("Completed")).otherwise(pl.lit("In Progress")),
        BudgetedCost=planned,
        ActualCost=pl.when("is_done").then(planned * 0.92).otherwise(0.0),
        StartDate=date_text(pl.col("start")),
        EndDate=date_text(pl.col("start") + 4 * 86_400),
    )


def webinar_guests(simulation: Simulation, directory: Directory) -> pl.DataFrame:
    """Who was invited to a webinar: some of those mailed at the end of its month; clickers come."""
    mail = simulation.log.frame("mail", ("customer", "day", "month", "half", "outcome", "second"))
    chance = mixed_uniform(directory.seed, "webinar", mail["customer"].to_numpy(), mail["month"].to_numpy())
    month_of_year = pl.col("month") % 12 + 1
    is_contact = ~directory.rows(mail["customer"], "is_person").to_series()
    invited = mail.filter(
        (pl.col("half") == 1)
        & month_of_year.is_in(list(WEBINAR_MONTHS))
        & (pl.Series(chance) < 0.2)
        & is_contact
    ).with_columns(
        part=pl.lit(WEBINAR), is_guest=(pl.col("outcome") >= CLICKED) & (pl.col("outcome") <= CLICKED + 1)
    )
    return invited.with_columns(
        campaign_id(directory.seed, invited["month"], invited["part"]).alias("campaign")
    )


def campaign_members(simulation: Simulation, directory: Directory) -> pl.DataFrame:
    """The invited contacts; those who came get a second version three days later."""
    rows = webinar_guests(simulation, directory)
    who, month = rows["customer"].to_numpy(), rows["month"].to_numpy()
    zero = np.zeros(rows.height, dtype=np.int64)
    rows = rows.with_columns(
        Id="00v" + pl.Series(code_text(mixed(directory.seed, "member", who, month), 15)),
        ContactId="003" + pl.Series(code_text(mixed(directory.seed, "contact", who, zero, zero), 15)),
        created=pl.col("second"), modified=pl.col("second"), Status=pl.lit("Sent"),
    )  # fmt: skip
    came = rows.filter("is_guest").with_columns(
        modified=pl.col("second") + 3 * 86_400, Status=pl.lit("Responded")
    )
    return stamped(pl.concat([rows, came])).with_columns(CampaignId=pl.col("campaign"))
