"""What is published of persons, on real files: nothing but what was asked for, and then for one user alone."""

import datetime as dt
import hashlib
from pathlib import Path

import duckdb

from dagster_project.contracts import Column, Table
from dagster_project.publish.generation import DATABASE_NAME, publish_generation

PEOPLE = Table(
    name="dim_customer",
    description="One row per customer.",
    columns=(
        Column("customer_id", "text", "Customer.", {"required": True}, not_null=True),
        Column("name", "text", "Name.", {"personal": "of_persons"}),
        Column("email", "text", "E-mail.", {"personal": "always"}),
        Column("birth_date", "date", "Birth.", {"personal": "always"}),
        Column("account_ref", "text", "Account."),
        Column("is_person", "boolean", "A person."),
        *(
            Column(name, "text", name)
            for name in [
                "given_name",
                "surname",
                "phone",
                "address_line",
                "city",
                "postal_code",
                "country",
                "kind",
            ]
        ),
    ),
    grain=("customer_id",),
    is_written_by_python=False,
)


def publish_people(folder: Path, generation: str, *, with_contacts: bool) -> None:
    """A firm and a person, and two records of the person."""
    path = folder / "warehouse.duckdb"
    others = (
        "null::text as given_name, null::text as surname, null::text as phone, null::text as address_line"
    )
    others += ", null::text as city, null::text as postal_code, null::text as country"
    if not path.exists():
        with duckdb.connect(str(path)) as connection:
            connection.execute(f"""
                create schema gold;
                create schema silver;
                create table gold.dim_customer as select *, {others}, null::text as kind from (values
                    ('c1', 'Acme & Co', 'office@acme.example', null::date, 'A@1', false),
                    ('c2', 'Anna Able', 'anna@able.example', date '1980-05-04', 'anna@able.example', true)
                ) as people(customer_id, name, email, birth_date, account_ref, is_person);
                create table silver.customer_identities as from (values
                    ('c1', null, 's', 'o', '1'), ('c2', 'p2', 's', 'o', '2'), ('c2', 'p2', 's', 'o', '3')
                ) as identities(customer_id, person_id, system, object, source_ref);
                create table silver.parties as select *, {others} from (values
                    ('s', 'o', '2', 'Anna Able', null, date '1980-05-04', timestamp '2026-01-01'),
                    ('s', 'o', '3', 'Anna Abel', 'anna@able.example', null, timestamp '2026-02-01')
                ) as parties(system, object, source_ref, name, email, birth_date, created_at)""")
    publish_generation(
        path, folder / "published", [PEOPLE],
        generation=generation, run_id="r", as_of_date="", code_version="", with_contacts=with_contacts,
    )  # fmt: skip


def test_personal_columns_are_published_empty_and_an_e_mail_address_as_reference_as_its_hash(tmp_path: Path):
    publish_people(tmp_path, "g1", with_contacts=False)
    with duckdb.connect(str(tmp_path / "published" / DATABASE_NAME), read_only=True) as connection:
        rows = connection.execute(
            "select customer_id, name, email, birth_date, account_ref from gold.dim_customer"
        ).fetchall()
        comments = dict(connection.execute("select column_name, comment from duckdb_columns()").fetchall())
    hashed = hashlib.md5(b"anna@able.example").hexdigest()
    assert rows == [("c1", "Acme & Co", None, None, "A@1"), ("c2", None, None, None, hashed)]
    assert comments["email"] == "E-mail. **Personal**: empty in what is published."


def test_contacts_come_with_the_newest_generation_alone_for_the_user_alone_and_go_again(tmp_path: Path):
    published = tmp_path / "published"
    for generation in ("g1", "g2"):
        publish_people(tmp_path, generation, with_contacts=True)
    path = published / "contacts.duckdb"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [found.parent.name for found in published.glob("generations/*/contacts.duckdb")] == ["g2"]
    with duckdb.connect(str(path), read_only=True) as connection:
        assert connection.execute("select customer_id, name, email from customers").fetchall() == [
            ("c1", "Acme & Co", "office@acme.example"), ("c2", "Anna Able", "anna@able.example"),
        ]  # fmt: skip
        person = connection.execute(
            "select person_id, customer_id, name, email, birth_date from persons"
        ).fetchall()
    assert person == [("p2", "c2", "Anna Abel", "anna@able.example", dt.date(1980, 5, 4))]
    publish_people(tmp_path, "g3", with_contacts=False)
    assert not path.is_symlink()
    assert list(published.rglob("contacts.duckdb")) == []
