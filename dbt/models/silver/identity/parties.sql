{#- Which objects deliver parties or name them, and with what, their contracts say. -#}
{%- set columns = {
    'kind': 'text', 'name': 'text', 'given_name': 'text', 'surname': 'text', 'email': 'text', 'phone': 'text',
    'domain': 'text', 'address_line': 'text', 'city': 'text', 'postal_code': 'text', 'country': 'text',
    'birth_date': 'date', 'link_system': 'text', 'link_object': 'text', 'link_ref': 'text', 'parent_ref': 'text',
    'is_paying_party': 'boolean', 'created_at': 'timestamp'
} -%}
{#- Two objects do not say themselves whether a person pays for themselves. -#}
{%- set with_payer = {'stripe__customers': 'billed_customers', 'product__workspaces': 'owned_workspaces'} -%}
-- Evidence, not truth: a record stands here once for each different thing that its versions have said.
with support_staff as (
    select
        'zendesk' as system,
        'users' as object,
        user_ref as source_ref
    from {{ ref('support_staff') }}
),

person_accounts as (
    select distinct account_ref
    from {{ ref('salesforce__accounts') }}
    where is_person_account
),

-- Who pays for themselves: the billing system says so, or the CRM account that the billing system names.
private_payers as (
    select distinct
        stripe__customers.customer_ref,
        lower(stripe__customers.email) as email
    from {{ ref('stripe__customers') }} as stripe__customers
    left join person_accounts on stripe__customers.salesforce_account_ref = person_accounts.account_ref
    where
        stripe__customers.individual_name is not null
        or (person_accounts.account_ref is not null and stripe__customers.business_name is null)
),

billed_customers as (
    select
        *,
        customer_ref in (select private_payers.customer_ref from private_payers) as is_private_payer
    from {{ ref('stripe__customers') }}
),

-- A workspace that names no billing customer belongs to the person whose address owns it.
owned_workspaces as (
    select
        *,
        case
            when stripe_customer_ref is null
                then coalesce(lower(owner_email) in (select private_payers.email from private_payers), false)
            else stripe_customer_ref in (select private_payers.customer_ref from private_payers)
        end as is_private_payer
    from {{ ref('product__workspaces') }}
),

{% for name, contract in contracts_with('party') if contract.party.merged_into -%}
-- Who was merged into another belongs to that one alone, whatever older versions say.
merged_{{ name.split('__', 1)[1] }} as (
    select
        *,
        first_value({{ contract.party.merged_into }}) over (
            partition by {{ contract.key[0] }}
            order by {{ contract.version }} desc, {{ contract.party.merged_into }} asc nulls last
        ) as last_merged_into
    from {{ ref(name) }}
),

{% endfor -%}
delivered_parties as (
    {%- for name, contract in contracts_with('party') %}
    {%- set system, object_name = name.split('__', 1) %}
    {%- set party = dict({'created_at': credible_moment('created_at')}, **contract.party) %}
    {%- if party.link_to %}
    {%- set link_system, link_object = party.link_to.split('__', 1) %}
    {%- do party.update(link_system="'" ~ link_system ~ "'", link_object="'" ~ link_object ~ "'") %}
    {%- endif %}
    {%- if party.merged_into %}
    {%- do party.update(
        link_system="if(last_merged_into is null, " ~ party.link_system ~ ", '" ~ system ~ "')",
        link_object="if(last_merged_into is null, " ~ party.link_object ~ ", '" ~ object_name ~ "')",
        link_ref='coalesce(last_merged_into, ' ~ party.link_ref ~ ')'
    ) %}
    {%- endif %}
    select
        '{{ system }}' as system,
        '{{ object_name }}' as object,
        {{ contract.key[0] }} as source_ref,
        {%- for column, type in columns.items() %}
        cast({{ party.get(column, 'null') }} as {{ type }}) as {{ column }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from {{ 'merged_' ~ object_name if party.merged_into else with_payer.get(name) or ref(name) }}
    {%- if party.only_if %}
    where {{ party.only_if }}
    {%- endif %}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

-- Facts may name a party that no party object delivers: where they do, and when the party was first needed.
references_in_facts as (
    {%- for name, contract in contracts_with('names_parties') %}
    {%- set is_last_table = loop.last %}
    {%- for named in contract.names_parties %}
    {%- set system, object_name = named.get('party', 'marketing__emails').split('__', 1) %}
    select
        '{{ system }}' as system,
        '{{ object_name }}' as object,
        {{ email_ref(named.email) if named.email else named.source_ref }} as source_ref,
        cast({{ 'lower(trim(' ~ named.email ~ '))' if named.email else 'null' }} as text) as email,
        {{ bronze_contracts()[named.party].party.is_paying_party if named.party else false }} as is_paying_party,
        {{ credible_moment(named.named_at, named.heard_at) }} as created_at
    from {{ ref(name) }}
    {{ 'union all' if not (is_last_table and loop.last) }}
    {%- endfor %}
    {%- endfor %}
),

named_in_facts as (
    select
        system,
        object,
        source_ref,
        bool_and(is_paying_party) as is_paying_party,
        any_value(email) as email,
        min(created_at) as created_at
    from references_in_facts
    where source_ref is not null
    group by system, object, source_ref
),

-- Whose versions said both is an organization: an account makes one, here as in `customers`.
delivered_kinds as (
    select
        system,
        object,
        source_ref,
        if(bool_or(kind = 'organization'), 'organization', 'person') as kind
    from delivered_parties
    group by system, object, source_ref
),

-- Such a party is a customer all the same, known by its reference alone. One that is delivered too keeps its kind.
referenced_parties as (
    select
        named_in_facts.system,
        named_in_facts.object,
        named_in_facts.source_ref,
        {%- set known = {
            'kind': "coalesce(delivered_kinds.kind, if(named_in_facts.is_paying_party, 'organization', 'person'))",
            'email': 'named_in_facts.email',
            'is_paying_party': 'named_in_facts.is_paying_party',
            'created_at': 'named_in_facts.created_at'
        } %}
        {%- for column, type in columns.items() %}
        cast({{ known.get(column, 'null') }} as {{ type }}) as {{ column }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from named_in_facts
    left join delivered_kinds
        on
            named_in_facts.system = delivered_kinds.system
            and named_in_facts.object = delivered_kinds.object
            and named_in_facts.source_ref = delivered_kinds.source_ref
),

all_parties as (
    select * from delivered_parties
    union distinct
    select * from referenced_parties
),

-- Whoever works or worked for us in support is nobody's customer, not even when they ask something themselves.
without_staff as (
    select all_parties.*
    from all_parties
    left join support_staff
        on
            all_parties.system = support_staff.system
            and all_parties.object = support_staff.object
            and all_parties.source_ref = support_staff.source_ref
    where support_staff.source_ref is null
)

select * from without_staff
