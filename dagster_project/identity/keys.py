"""The exact keys of a party: its normalised e-mail address and its company's domain.

Here: how a key is written the same way whatever the source wrote, and which values are no key at all. Not
here: names (`spelling.py`), telephone numbers (`telephone.py`), and who is linked by a key (`exact.py`).

Below which endings names are registered says the Public Suffix List, which domains give throw-away addresses the
list of `disposable-email-domains`; both come as packages. Beside this file are, as data and not code:
`shared_domains.csv`, the other domains that say nothing about a company (free mail, access providers, placeholders,
platforms used as a web page); `role_mailboxes.csv`, the mailboxes that a desk reads and not one person;
`placeholders.csv`, what people type where an address or a name is demanded.
"""

from functools import cache
from pathlib import Path

import polars as pl
from disposable_email_domains import blocklist
from publicsuffixlist import PSLFILE, PublicSuffixList

EMAIL_PATTERN = r"^[^@\s,;<>]+@[^@\s,;<>.]+(\.[^@\s,;<>.]+)+$"
# Names that RFC 2606 keeps from ever being registered; the sample company lives below the fourth, `.example`.
RESERVED_SUFFIX_PATTERN = r"\.(test|invalid|localhost)$"
ONE_SIGN_PATTERN = "^(" + "|".join(f"{sign}{{3,}}" for sign in "abcdefghijklmnopqrstuvwxyz0123456789") + ")$"
RUN_OF_DIGITS = "12345678901234567890"
MIN_WORD_IN_MAILBOX = (
    4  # letters from which a word is that of a desk beside others too: info.berlin@, acme-office@
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


def _packaged(file_name: str) -> pl.DataFrame:
    return pl.read_csv(Path(__file__).with_name(file_name), infer_schema=False)


@cache
def _shared_domains() -> pl.Series:
    own = _packaged("shared_domains.csv").get_column("domain")
    return pl.concat([own, pl.Series(sorted(blocklist))]).implode()


@cache
def _placeholder_domains() -> pl.Series:
    listed = _packaged("shared_domains.csv").filter(pl.col("reason") == "placeholder")
    return listed.get_column("domain").implode()


@cache
def _role_words() -> tuple[str, str]:
    """All words of desks, and those that count beside other words too, as alternatives of a pattern."""
    words = _packaged("role_mailboxes.csv").get_column("word")
    long_words = words.filter(words.str.len_chars() >= MIN_WORD_IN_MAILBOX)
    return "|".join(words), "|".join(long_words)


@cache
def placeholder_words(stands_in: str) -> pl.Series:
    """Words that stand for nothing in a `mailbox` or a `name`: lower case, no signs between the letters."""
    listed = _packaged("placeholders.csv").filter(pl.col("stands_in").is_in([stands_in, "both"]))
    return listed.get_column("word").implode()


def email_key(email: pl.Expr) -> pl.Expr:
    """One spelling for one mailbox.

    Lower case, no outer blanks, no `+tag`; dots in a Gmail name mean nothing and `googlemail.com` is
    `gmail.com`. Null when the text is no address, or one that stands for nobody (`noreply@...`, `...@example.com`).

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
    is_reserved = domain.is_in(_placeholder_domains()) | domain.str.contains(RESERVED_SUFFIX_PATTERN)
    is_reserved |= (mailbox == domain.str.extract(r"^([^.]+)", 1)) & (mailbox.str.len_chars() <= 3)  # a@a.com
    return pl.when(is_mailbox & ~_is_placeholder(mailbox) & ~is_reserved).then(key)


def _is_placeholder(mailbox: pl.Expr) -> pl.Expr:
    """Its letters make a word that means nothing, or all its signs are one, or digits in their order."""
    letters = mailbox.str.replace_all(r"[^\p{L}]", "")
    spelled = mailbox.str.replace_all(r"[^\p{L}\p{N}]", "")
    is_run = pl.lit(RUN_OF_DIGITS).str.contains(spelled, literal=True) & (spelled.str.len_chars() >= 4)
    return letters.is_in(placeholder_words("mailbox")) | spelled.str.contains(ONE_SIGN_PATTERN) | is_run


def is_role_mailbox(email_key: pl.Expr) -> pl.Expr:
    """Whether a desk and not one person reads a normalised address: info@, buchhaltung2@, support.uk@, acme-office@.

    Two customers may well share it, so it proves nothing by itself.
    """
    words, long_words = _role_words()
    mailbox = email_key.str.extract("^([^@]+)@", 1)
    squeezed = mailbox.str.replace_all(r"[^\p{L}]", "")
    return squeezed.str.contains(f"^({words})$") | mailbox.str.contains(
        rf"^({long_words})\d*[^\p{{L}}\p{{N}}]|[^\p{{L}}\p{{N}}]({long_words})\d*$"
    )


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
