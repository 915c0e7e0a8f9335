"""The exact keys of a party: its normalised e-mail address and its company's domain.

Here: how a key is written the same way whatever the source wrote, and which values are no key at all. Not
here: telephone numbers and names (`spelling.py`), and who is linked by a key (`exact.py`).

The two lists beside this file are data, not code: `shared_domains.csv` has the domains that say nothing about
a company (free mail, access providers, throw-away addresses, placeholders, platforms used as a web page),
`public_suffixes.csv` the two-label endings below which the public registers names (`co.uk`,
`myshopify.com`).
"""

from functools import cache
from pathlib import Path

import polars as pl

EMAIL_PATTERN = r"^[^@\s,;<>]+@[^@\s,;<>.]+(\.[^@\s,;<>.]+)+$"
PLACEHOLDER_MAILBOX_PATTERN = (
    r"^(no[-_.]?reply|do[-_.]?not[-_.]?reply|none|null|unknown|n/?a|test|no[-_.]?email)@"
)
HOST_PATTERN = r"^([\p{L}\p{N}_-]+\.)+[\p{L}][\p{L}\p{N}-]+$"
GMAIL_DOMAINS = ("gmail.com", "googlemail.com")


@cache
def _packaged_list(file_name: str) -> pl.Series:
    """First column of a list beside this file."""
    return pl.read_csv(Path(__file__).with_name(file_name)).to_series(0)


def email_key(email: pl.Expr) -> pl.Expr:
    """One spelling for one mailbox.

    Lower case, no outer blanks, no `+tag`; dots in a Gmail name mean nothing and `googlemail.com` is
    `gmail.com`. Null when the text is no address, or one that stands for nobody (`noreply@...`).

    Args:
        email: Text expression.

    Returns:
        Text expression, null where there is no usable address.
    """
    text = email.str.strip_chars().str.to_lowercase()
    mailbox = text.str.extract(r"^([^@+]+)", 1)
    domain = _mail_domain(text)
    is_gmail = domain.is_in(GMAIL_DOMAINS)
    mailbox = pl.when(is_gmail).then(mailbox.str.replace_all(".", "", literal=True)).otherwise(mailbox)
    domain = pl.when(is_gmail).then(pl.lit(GMAIL_DOMAINS[0])).otherwise(domain)
    key = pl.concat_str(mailbox, pl.lit("@"), domain)
    is_mailbox = text.str.contains(EMAIL_PATTERN) & (mailbox.str.len_chars() > 0)
    return pl.when(is_mailbox & ~key.str.contains(PLACEHOLDER_MAILBOX_PATTERN)).then(key)


def email_company_domain(email_key: pl.Expr) -> pl.Expr:
    """Company domain of a normalised address; null for free mail and the like."""
    return _company_domain(_mail_domain(email_key))


def web_company_domain(address: pl.Expr) -> pl.Expr:
    """Company domain of a domain, host or web address.

    Scheme, `www`, port and path go; what remains is cut to the name that was registered: `shop.acme.co.uk`
    becomes `acme.co.uk`. Null for shared domains, IP addresses and text that is no host.

    Args:
        address: Text expression.

    Returns:
        Text expression, null where no company domain can be read.
    """
    host = (
        address.str.strip_chars()
        .str.to_lowercase()
        .str.replace(r"^[a-z][a-z0-9+.-]*://", "")
        .str.replace(r"[/?#].*$", "")
        .str.replace(r"^.*@", "")
        .str.replace(r":\d*$", "")
    )
    return _company_domain(host)


def _mail_domain(email: pl.Expr) -> pl.Expr:
    return email.str.extract(r"@([^@]+)$", 1)


def _company_domain(host: pl.Expr) -> pl.Expr:
    """Registered name of a host, null when it is nobody's own."""
    name = host.str.strip_chars_end(".").str.replace(r"^www\d?\.", "")
    name = pl.when(name.str.contains(HOST_PATTERN)).then(name)
    last_two = name.str.extract(r"([^.]+\.[^.]+)$", 1)
    last_three = name.str.extract(r"([^.]+\.[^.]+\.[^.]+)$", 1)
    is_below_suffix = last_two.is_in(_packaged_list("public_suffixes.csv").implode())
    registered = pl.when(is_below_suffix).then(last_three).otherwise(last_two)
    shared = _packaged_list("shared_domains.csv").implode()
    return pl.when(~registered.is_in(shared) & ~name.is_in(shared)).then(registered)
