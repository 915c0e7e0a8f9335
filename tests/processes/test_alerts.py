"""Failures reach a real mail server and a real webhook; servers that are away change nothing."""

from email.header import decode_header, make_header

import pytest
from alert_servers import free_port, mail_server, webhook

from dagster_project.alerts import SHOWN_CHARACTERS, STAYS, Cause, send_alerts

REFUSED = Cause(("stripe_landing",), "Stripe: HTTP 401; check CUSTINT_STRIPE_API_KEY.")
LOCKED = Cause(("dbt_bronze", "identities"), "Another process has the warehouse open.")


def test_a_mail_and_a_webhook_get_one_message_per_cause():
    with mail_server() as (mail_port, mails), webhook() as (port, posts):
        addresses = (
            f"mailto://127.0.0.1:{mail_port}?from=runs@example.com&to=ann@example.com&mode=insecure",
            f"json://127.0.0.1:{port}/hook",
        )
        assert send_alerts(addresses, [REFUSED, LOCKED], "Run of 2026-09-30") == ()
    titles = [
        "Customer intelligence: the run failed in stripe_landing",
        "Customer intelligence: the run failed in dbt_bronze, identities",
    ]
    assert [post["title"] for post in posts] == titles
    assert posts[0]["message"].splitlines() == [REFUSED.reason, "", STAYS, "Run of 2026-09-30"]
    assert [str(make_header(decode_header(mail["Subject"]))) for mail in mails] == titles
    assert [mail["To"] for mail in mails] == ["ann@example.com"] * 2
    text = mails[0].get_payload(decode=True) or mails[0].get_payload(0).get_payload(decode=True)
    assert REFUSED.reason in text.decode()


def test_a_long_reason_is_cut():
    with webhook() as (port, posts):
        send_alerts((f"json://127.0.0.1:{port}",), [Cause((), "x" * 10_000)], "")
    assert len(posts[0]["message"]) < SHOWN_CHARACTERS + 200


@pytest.mark.parametrize("scheme", ["json", "mailto"])
def test_a_messenger_that_is_away_is_one_line_without_its_address(
    scheme: str, capfd: pytest.CaptureFixture[str]
):
    away = f"{scheme}://user:pass-word@127.0.0.1:{free_port()}?to=ann@example.com&from=a@b.com&mode=insecure"
    with webhook() as (port, posts):
        (problem,) = send_alerts((away, f"json://127.0.0.1:{port}"), [REFUSED, LOCKED], "")
    assert problem.startswith(f"Address 1 of CUSTINT_ALERT_URLS ({scheme}://...) took no message: ")
    assert len(posts) == 2
    printed = capfd.readouterr()
    assert "pass-word" not in problem + printed.out + printed.err


def test_a_webhook_that_answers_with_an_error_took_no_message():
    with webhook(status=500) as (port, posts):
        (problem,) = send_alerts((f"json://127.0.0.1:{port}",), [REFUSED], "")
    assert len(posts) == 1
    assert "took no message" in problem
