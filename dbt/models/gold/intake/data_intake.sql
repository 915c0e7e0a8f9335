{%- set objects = [
    'experiments__incentive_outcomes', 'files__consents', 'files__contacts', 'files__customers',
    'files__erasure_requests', 'files__incentive_outcomes', 'files__subscriptions', 'files__survey_responses',
    'files__tickets', 'files__touchpoints', 'files__transaction_lines', 'files__transactions',
    'files__usage_events', 'marketing__consents', 'marketing__nps_responses', 'marketing__touchpoints',
    'product__events', 'product__users', 'product__workspaces', 'salesforce__accounts',
    'salesforce__campaign_members', 'salesforce__campaigns', 'salesforce__contacts', 'salesforce__leads',
    'salesforce__opportunities', 'stripe__charges', 'stripe__credit_notes', 'stripe__customers', 'stripe__disputes',
    'stripe__invoice_lines', 'stripe__invoices', 'stripe__prices', 'stripe__products', 'stripe__refunds',
    'stripe__subscriptions', 'zendesk__holidays', 'zendesk__organizations', 'zendesk__satisfaction_ratings',
    'zendesk__schedules', 'zendesk__ticket_events', 'zendesk__ticket_metric_events', 'zendesk__tickets',
    'zendesk__users'
] -%}
with late_rows as (
    select * from {{ ref('late_rows') }}
),

counts as (
    {%- for name in objects %}
    {%- set system, object_name = name.split('__', 1) %}
    select
        '{{ system }}' as system,
        '{{ object_name }}' as object,
        (select count(*) from {{ landing_rows(system, object_name) }}) as landed_row_count,
        (select count(*) from {{ ref(name) }}) as kept_row_count,
        (select count(*) from {{ quarantine_of(name) }}) as quarantined_row_count,
        (
            select count(*)
            from late_rows
            where system = '{{ system }}' and object = '{{ object_name }}'
        ) as late_row_count
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select * from counts
