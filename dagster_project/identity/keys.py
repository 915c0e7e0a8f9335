"""The exact keys of a party: its normalised e-mail address and its company's domain.

Here: how a key is written the same way whatever the source wrote, and which values are no key at all. Not
here: names (`spelling.py`), telephone numbers (`telephone.py`), and who is linked by a key (`exact.py`).

Below which endings names are registered says the Public Suffix List, which domains give throw-away addresses the
list of `disposable-email-domains`; both come as packages. The other domains that say nothing about a company
(free mail, access providers, placeholders, platforms used as a web page) are in `shared_domains.csv` beside this
file: data, not code.
"""

from functools import cache
from pathlib import Path

import polars as pl
from disposable_email_domains import blocklist
from publicsuffixlist import PSLFILE, PublicSuffixList

EMAIL_PATTERN = r"^[^@\s,;<>]+@[^@\s,;<>.]+(\.[^@\s,;<>.]+)+$"
PLACEHOLDER_MAILBOX_PATTERN = (
    r"^(no[-_.]?reply|do[-_.]?not[-_.]?reply|none|null|unknown|n/?a|test|no[-_.]?email)@"
)
HOST_PATTERN = r"^([\p{L}\p{N}_-]+\.)+[\p{L}][\p{L}\p{N}-]+$"
GMAIL_DOMAINS = ("gmail.com", "googlemail.com")
# Their customers have names below these, but the owners have not put them on the Public Suffix List.
HOSTING_SUFFIXES = (
    "amazonaws.com",
    "atlassian.net",
    "bigcartel.com",
    "business.site",
    "ecwid.com",
    "godaddysites.com",
    "jimdofree.com",
    "jimdosite.com",
    "onmicrosoft.com",
    "sharepoint.com",
    "squarespace.com",
    "strikingly.com",
    "substack.com",
    "tumblr.com",
    "typepad.com",
    "weebly.com",
    "wordpress.com",
    "zendesk.com",
)


@cache
def _suffixes() -> PublicSuffixList:
    with Path(PSLFILE).open(encoding="utf-8") as listed:
        return PublicSuffixList([*listed, *HOSTING_SUFFIXES])


@cache
def _shared_domains() -> pl.Series:
    own = pl.read_csv(Path(__file__).with_name("shared_domains.csv")).get_column("domain")
    return pl.concat([own, pl.Series(sorted(blocklist))]).implode()


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
    registered = name.map_batches(_registered_names, return_dtype=pl.String)
    return pl.when(~registered.is_in(_shared_domains()) & ~name.is_in(_shared_domains())).then(registered)


def _registered_names(hosts: pl.Series) -> pl.Series:
    """One label more than the public suffix of each host; the library knows one host at a time."""
    distinct = hosts.drop_nulls().unique()
    names = [_suffixes().privatesuffix(host) for host in distinct]
    return hosts.replace_strict(distinct, names, default=None, return_dtype=pl.String)
