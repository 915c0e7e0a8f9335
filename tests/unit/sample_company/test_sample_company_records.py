import json

import polars as pl
import pytest

from dagster_project.sample_company.delivery import RECORDS
from dagster_project.sample_company.mess import BREAKAGES


def test_late_repeated_and_broken_rows_are_between_one_and_three_per_thousand(landed):
    total = sum(landed.written.values())
    sound = sum(landed.sound(name).height for name in RECORDS)
    events = landed.sound("product__events")
    late = events.filter(
        pl.col("received_at").str.slice(0, 10).str.to_date()
        > pl.col("occurred_at").str.slice(0, 10).str.to_date()
    )
    assert 0.001 <= (total - sound + late.height) / total <= 0.003
    assert late.height > 20


def test_broken_rows_are_spread_over_objects_and_have_their_own_ids(landed):
    with_broken = 0
    for name in BREAKAGES:
        ids = landed.rows(name)[:, 0]
        broken = ids.str.ends_with("_broken") if ids.dtype == pl.String else ids >= 10**15
        with_broken += broken.any()
    assert with_broken >= 6


def test_eight_percent_of_customers_are_an_identity_trap(landed):
    paying = landed.truth("customers").filter("is_paying")
    assert (paying["identity_trap"] != "none").mean() >= 0.08


def test_names_of_one_company_differ_between_systems(landed):
    who = landed.truth("identities")
    names = {}
    for system, name, column in (("salesforce", "accounts", "Name"), ("stripe", "customers", "name")):
        rows = landed.sound(f"{system}__{name}").unique(
            subset=landed.sound(f"{system}__{name}").columns[0], keep="first"
        )
        refs = who.filter(system=system, object=name)
        joined = rows.join(refs, left_on=rows.columns[0], right_on="source_ref", validate="1:1")
        names[system] = joined.group_by("true_customer_ref").agg(pl.col(column).first())
    both = names["salesforce"].join(names["stripe"], on="true_customer_ref", validate="1:1")
    assert 0.2 < (both["Name"] != both["name"]).mean() < 0.9


@pytest.mark.parametrize(
    ("name", "column", "share"),
    [("zendesk__organizations", "external_id", 0.80), ("product__workspaces", "stripe_customer_id", 0.90)],
)
def test_external_ids_are_usually_carried(landed, name, column, share):
    assert landed.sound(name)[column].is_not_null().mean() == pytest.approx(share, abs=0.07)


def test_most_billing_customers_carry_the_crm_id_and_some_share_an_address(landed):
    customers = landed.sound("stripe__customers").unique("id", keep="first")
    customers = customers.filter(pl.col("individual_name").is_null())
    assert customers["metadata"].str.contains("salesforce_account_id").mean() == pytest.approx(0.83, abs=0.07)
    assert customers.group_by("email").len()["len"].max() >= 2


def test_every_delivered_record_of_a_company_has_a_true_customer(landed):
    who = landed.truth("identities")
    assert who.select("system", "object", "source_ref").is_unique().all()
    for system, name in (("stripe", "customers"), ("zendesk", "users"), ("product", "users")):
        rows = landed.sound(f"{system}__{name}")
        if "role" in rows.columns:
            rows = rows.filter(role="end-user")
        ids = rows[:, 0].cast(pl.String).unique()
        assert set(ids) == set(who.filter(system=system, object=name)["source_ref"])


def test_invoices_tie_out_and_charges_pay_them(landed):
    invoices = landed.sound("stripe__invoices")
    assert (invoices["amount_paid"] + invoices["amount_remaining"] == invoices["total"]).all()
    last = invoices.sort("event_created").group_by("id").last()
    charges = landed.sound("stripe__charges")
    paid = charges.filter(status="succeeded").group_by("invoice").agg(pl.col("amount").sum(), pl.len())
    both = last.filter(status="paid").join(paid, left_on="id", right_on="invoice", how="full", validate="1:1")
    assert (
        (both["amount"] == both["total"]).all()
        and both["amount"].null_count() == 0
        and both["len"].max() == 1
    )
    refunds = (
        landed.sound("stripe__refunds")
        .filter(status="succeeded")
        .group_by("charge")
        .agg(pl.col("amount").sum())
    )
    back = refunds.join(charges, left_on="charge", right_on="id", how="left", validate="1:1")
    assert (back["amount"] <= back["amount_right"]).all() and (back["status"] == "succeeded").all()


def test_charges_fail_then_succeed_and_some_invoices_are_given_up(landed):
    charges = landed.sound("stripe__charges")
    assert 0.02 < (charges["status"] == "failed").mean() < 0.12
    failed_first = charges.filter(status="failed")["invoice"].unique()
    assert (
        charges.filter(
            pl.col("invoice").is_in(failed_first.implode()) & (pl.col("status") == "succeeded")
        ).height
        > 5
    )
    assert {"open", "paid"} < set(landed.sound("stripe__invoices")["status"])


def test_subscription_versions_are_ordered_and_notice_comes_before_the_end(landed):
    rows = landed.sound("stripe__subscriptions")
    assert rows.select("id", "event_created").is_unique().all()
    assert {"trialing", "active", "past_due", "canceled"} == set(rows["status"])
    ended = rows.filter(pl.col("ended_at").is_not_null())
    assert (ended["canceled_at"] <= ended["ended_at"]).all()
    assert rows.filter("cancel_at_period_end")["id"].n_unique() > 20


def test_json_fields_are_json(landed):
    fields = [
        ("stripe__customers", "address"),
        ("stripe__customers", "metadata"),
        ("stripe__subscriptions", "items"),
        ("stripe__subscriptions", "cancellation_details"),
        ("stripe__invoices", "status_transitions"),
        ("stripe__charges", "payment_method_details"),
        ("stripe__products", "metadata"),
        ("zendesk__tickets", "via"),
        ("zendesk__tickets", "metric_set"),
        ("zendesk__organizations", "domain_names"),
    ]
    for name, column in fields:
        values = landed.sound(name)[column]
        assert values.null_count() == 0, (name, column)
        for value in values.unique().to_list():
            json.loads(value)
    for name, column in (
        ("stripe__prices", "recurring"),
        ("stripe__subscriptions", "discount"),
        ("stripe__subscriptions", "pause_collection"),
        ("stripe__invoice_lines", "discount_amounts"),
        ("stripe__invoice_lines", "tax_amounts"),
        ("stripe__invoice_lines", "period"),
        ("stripe__invoices", "total_discount_amounts"),
        ("zendesk__schedules", "intervals"),
    ):
        values = landed.sound(name)[column].drop_nulls()
        assert values.len() > 0, (name, column)
        for value in values.unique().to_list():
            json.loads(value)


def test_timestamps_look_like_those_of_their_vendor(landed):
    zulu, salesforce = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000\+0000$"
    assert landed.sound("zendesk__tickets")["created_at"].str.contains(zulu).all()
    assert landed.sound("product__events")["occurred_at"].str.contains(zulu).all()
    assert landed.sound("salesforce__accounts")["SystemModstamp"].str.contains(salesforce).all()


def test_references_lead_to_delivered_records(landed):
    for child, column, parent in (
        ("salesforce__contacts", "AccountId", "salesforce__accounts"),
        ("salesforce__opportunities", "AccountId", "salesforce__accounts"),
        ("salesforce__campaign_members", "ContactId", "salesforce__contacts"),
        ("salesforce__campaign_members", "CampaignId", "salesforce__campaigns"),
        ("stripe__subscriptions", "customer", "stripe__customers"),
        ("stripe__invoices", "subscription", "stripe__subscriptions"),
        ("stripe__refunds", "charge", "stripe__charges"),
        ("stripe__invoice_lines", "invoice", "stripe__invoices"),
        ("stripe__invoice_lines", "price", "stripe__prices"),
        ("stripe__invoice_lines", "product", "stripe__products"),
        ("zendesk__ticket_events", "ticket_id", "zendesk__tickets"),
        ("zendesk__ticket_events", "author_id", "zendesk__users"),
        ("zendesk__holidays", "schedule_id", "zendesk__schedules"),
        ("zendesk__tickets", "requester_id", "zendesk__users"),
        ("product__events", "user_id", "product__users"),
        ("experiments__incentive_outcomes", "stripe_customer_id", "stripe__customers"),
    ):
        refs = landed.sound(child)[column].drop_nulls().unique()
        assert set(refs) <= set(landed.sound(parent)[:, 0]), (child, column)


def test_ticket_bodies_are_varied(landed):
    assert landed.sound("zendesk__tickets")["description"].n_unique() >= 300
