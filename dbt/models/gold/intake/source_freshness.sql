{#- Each object with the clock of what it tells about. -#}
{%- set objects = [
    ('experiments__incentive_outcomes', 'offered_at'), ('files__consents', 'recorded_at'),
    ('files__contacts', 'created_at'), ('files__customers', 'created_at'),
    ('files__incentive_outcomes', 'offered_at'), ('files__subscriptions', 'started_at'),
    ('files__survey_responses', 'responded_at'), ('files__tickets', 'opened_at'),
    ('files__touchpoints', 'occurred_at'), ('files__transactions', 'occurred_at'),
    ('files__usage_events', 'occurred_at'), ('marketing__consents', 'recorded_at'),
    ('marketing__nps_responses', 'responded_at'), ('marketing__touchpoints', 'occurred_at'),
    ('product__events', 'occurred_at'), ('product__users', 'modified_at'), ('product__workspaces', 'modified_at'),
    ('salesforce__accounts', 'modified_at'), ('salesforce__campaign_members', 'modified_at'),
    ('salesforce__campaigns', 'modified_at'), ('salesforce__contacts', 'modified_at'),
    ('salesforce__leads', 'modified_at'), ('salesforce__opportunities', 'modified_at'),
    ('stripe__charges', 'modified_at'), ('stripe__credit_notes', 'modified_at'),
    ('stripe__customers', 'modified_at'), ('stripe__disputes', 'modified_at'), ('stripe__invoice_lines', 'modified_at'),
    ('stripe__invoices', 'modified_at'), ('stripe__prices', 'modified_at'), ('stripe__products', 'modified_at'),
    ('stripe__refunds', 'modified_at'), ('stripe__subscriptions', 'modified_at'),
    ('zendesk__organizations', 'modified_at'), ('zendesk__satisfaction_ratings', 'modified_at'),
    ('zendesk__ticket_events', 'created_at'), ('zendesk__ticket_metric_events', 'occurred_at'),
    ('zendesk__tickets', 'modified_at'), ('zendesk__users', 'modified_at')
] -%}
with newest_rows as (
    {%- for name, clock in objects %}
    {%- set system, object_name = name.split('__', 1) %}
    select
        '{{ system }}' as system,
        '{{ object_name }}' as object,
        count(*) as kept_row_count,
        cast(max({{ clock }}) as timestamp) as last_event_at,
        max(_loaded_at) as last_loaded_at
    from {{ ref(name) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

-- Nothing can have happened after it was loaded: a date beyond that is planned or wrong, and no sign of life.
with_age as (
    select
        system,
        object,
        kept_row_count,
        last_event_at,
        last_loaded_at,
        date_diff(
            'day',
            cast(least(last_event_at, last_loaded_at) as date),
            cast(max(least(last_event_at, last_loaded_at)) over () as date)
        ) as age_days
    from newest_rows
)

select * from with_age
