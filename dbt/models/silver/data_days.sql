{%- set clocks = [
    ('transactions', 'occurred_at'), ('transactions', 'paid_at'), ('subscription_versions', 'started_at'),
    ('subscription_versions', 'valid_from'), ('usage_events', 'occurred_at'),
    ('tickets', 'opened_at'), ('touchpoints', 'occurred_at'), ('survey_responses', 'responded_at')
] -%}
with event_days as (
    {%- for relation, clock in clocks %}
    select '{{ relation }}.{{ clock }}' as clock, cast(min({{ clock }}) as date) as first_date, cast(max({{ clock }}) as date) as last_date
    from {{ ref(relation) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select * from event_days where first_date is not null
