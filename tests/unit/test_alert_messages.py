"""One message per cause, to addresses that Apprise knows."""

import pytest

from dagster_project.alerts import Cause, alert_addresses, causes_of

HOOK = "json://127.0.0.1:8080/hook"
MAIL = "mailto://user:word@127.0.0.1:2525?from=runs@example.com&to=ann@example.com,ben@example.com"


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        (HOOK, (HOOK,)),
        (f"{HOOK} {HOOK}", (HOOK, HOOK)),
        (f"{HOOK},{HOOK}", (HOOK, HOOK)),
        (f" {HOOK}, {MAIL},", (HOOK, MAIL)),
        (f"{MAIL},{HOOK}", (MAIL, HOOK)),
    ],
)
def test_addresses_are_separated_by_spaces_and_commas(text: str, addresses: tuple[str, ...]):
    assert alert_addresses(text) == addresses


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ann@example.com", "address 1 of 1 is none that Apprise knows"),
        (f"{HOOK} slack://secret-half", "address 2 of 2 is none that Apprise knows"),
        (f"{HOOK} secret,{HOOK}", "address 2 of 3 is none that Apprise knows"),
        (" , ", "there is no address in it"),
    ],
)
def test_a_wrong_address_is_named_by_its_place_alone(
    text: str, reason: str, caplog: pytest.LogCaptureFixture
):
    with pytest.raises(ValueError, match=f"^{reason}$"):
        alert_addresses(text)
    assert caplog.text == ""


def test_steps_that_fail_for_one_reason_are_one_cause():
    locked, refused = "Could not set lock on file", "Stripe: HTTP 401; check CUSTINT_STRIPE_API_KEY."
    found = causes_of([("dbt_bronze", locked), ("stripe_landing", refused), ("identities", locked)])
    assert found == [Cause(("dbt_bronze", "identities"), locked), Cause(("stripe_landing",), refused)]
    assert [str(cause) for cause in found] == [
        f"dbt_bronze, identities: {locked}",
        f"stripe_landing: {refused}",
    ]
