{#- Each CTE is one source in the same columns; the ids that silver gives are `<system>:<reference>`. -#}
{%- set kinds = [
    'touches', 'campaign_memberships', 'opened_tickets', 'ticket_comments', 'rated_tickets', 'answered_surveys', 'billed_transactions',
    'failed_payments', 'started_subscriptions', 'ended_subscriptions', 'opened_opportunities',
    'decided_opportunities', 'product_sessions', 'store_visits'
] -%}
with data_window as (
    select * from {{ ref('data_window') }}
),

-- A subscription begins with the first of its items and ends with the last.
current_subscriptions as (
    select
        subscription_id,
        customer_id,
        min(started_at) as started_at,
        min(paid_from_at) as paid_from_at,
        if(count(*) = count(ended_at), max(ended_at), null) as ended_at,
        max(cancel_reason) as cancel_reason
    from {{ ref('subscription_versions') }}
    where valid_to = {{ open_end() }}
    group by subscription_id, customer_id
),

touches as (
    select
        case
            when coalesce(direction, 'outbound') = 'outbound' then 'marketing_message'
            when {{ channel_of('channel') }} = 'web' then 'web_visit'
            else 'marketing_response'
        end as interaction_kind,
        touchpoint_id as source_id,
        customer_id,
        occurred_at,
        {{ channel_of('channel') }} as channel,
        coalesce(direction, 'outbound') as direction,
        outcome,
        campaign_ref,
        cost_amount,
        original_cost_amount,
        currency,
        rate_date
    from {{ ref('touchpoints') }}
),

campaign_memberships as (
    select
        'campaign_membership' as interaction_kind,
        members.campaign_member_id as source_id,
        members.customer_id,
        members.added_at as occurred_at,
        {{ channel_of('campaigns.campaign_type') }} as channel,
        'outbound' as direction,
        members.member_status as outcome,
        members.campaign_ref,
        {{ without_cost() }}
    from {{ ref('campaign_members') }} as members
    left join {{ ref('campaigns') }} as campaigns on members.campaign_ref = campaigns.campaign_ref
),

opened_tickets as (
    select
        'ticket_opened' as interaction_kind,
        ticket_id as source_id,
        customer_id,
        opened_at as occurred_at,
        {{ channel_of('channel') }} as channel,
        'inbound' as direction,
        status as outcome,
        cast(null as text) as campaign_ref,
        {{ without_cost() }}
    from {{ ref('tickets') }}
),

ticket_comments as (
    select
        'ticket_comment' as interaction_kind,
        events.event_id as source_id,
        events.customer_id,
        events.occurred_at,
        {{ channel_of('tickets.channel') }} as channel,
        case when events.author_role = 'end-user' then 'inbound' else 'outbound' end as direction,
        events.author_role as outcome,
        cast(null as text) as campaign_ref,
        {{ without_cost() }}
    from {{ ref('ticket_events') }} as events
    inner join {{ ref('tickets') }} as tickets on events.ticket_id = tickets.ticket_id
    where events.event_kind = 'comment' and events.is_public
),

rated_tickets as (
    select
        'ticket_rated' as interaction_kind,
        ticket_id as source_id,
        customer_id,
        rated_at as occurred_at,
        'survey' as channel,
        'inbound' as direction,
        'csat ' || {{ plain_number('csat_rating') }} as outcome,
        cast(null as text) as campaign_ref,
        {{ without_cost() }}
    from {{ ref('tickets') }}
    where rated_at is not null and csat_rating is not null
),

answered_surveys as (
    select
        'survey_response' as interaction_kind,
        response_id as source_id,
        customer_id,
        responded_at as occurred_at,
        'survey' as channel,
        'inbound' as direction,
        survey_kind || ' ' || {{ plain_number('rating') }} as outcome,
        cast(null as text) as campaign_ref,
        {{ without_cost() }}
    from {{ ref('survey_responses') }}
),

billed_transactions as (
    select
        case
            when kind = 'invoice' then 'invoice'
            when {{ gives_back('kind') }} then 'refund'
            else 'purchase'
        end as interaction_kind,
        transaction_id as source_id,
        customer_id,
        occurred_at,
        if(kind = 'invoice' or {{ gives_back('kind') }}, 'billing', 'shop') as channel,
        if(kind = 'invoice' or {{ gives_back('kind') }}, 'outbound', 'inbound') as direction,
        status as outcome,
        cast(null as text) as campaign_ref,
        {{ without_cost() }}
    from {{ ref('transactions') }}
),

failed_payments as (
    select
        'payment_failed' as interaction_kind,
        payment_id as source_id,
        customer_id,
        attempted_at as occurred_at,
        'billing' as channel,
        'inbound' as direction,
        status as outcome,
        cast(null as text) as campaign_ref,
        {{ without_cost() }}
    from {{ ref('payments') }}
    where status = 'failed'
),

started_subscriptions as (
    select
        'subscription_started' as interaction_kind,
        subscriptions.subscription_id as source_id,
        subscriptions.customer_id,
        subscriptions.started_at as occurred_at,
        'billing' as channel,
        'inbound' as direction,
        case when subscriptions.paid_from_at > subscriptions.started_at then 'trial' else 'no trial' end as outcome,
        cast(null as text) as campaign_ref,
        {{ without_cost() }}
    from current_subscriptions as subscriptions
),

ended_subscriptions as (
    select
        'subscription_ended' as interaction_kind,
        subscriptions.subscription_id as source_id,
        subscriptions.customer_id,
        subscriptions.ended_at as occurred_at,
        'billing' as channel,
        'inbound' as direction,
        subscriptions.cancel_reason as outcome,
        cast(null as text) as campaign_ref,
        {{ without_cost() }}
    from current_subscriptions as subscriptions
),

opened_opportunities as (
    select
        'opportunity_opened' as interaction_kind,
        opportunity_id as source_id,
        customer_id,
        opened_at as occurred_at,
        'sales' as channel,
        'outbound' as direction,
        opportunity_type as outcome,
        cast(null as text) as campaign_ref,
        {{ without_cost() }}
    from {{ ref('opportunities') }}
),

decided_opportunities as (
    select
        case when opportunities.is_won then 'opportunity_won' else 'opportunity_lost' end as interaction_kind,
        opportunities.opportunity_id as source_id,
        opportunities.customer_id,
        opportunities.decided_at as occurred_at,
        'sales' as channel,
        'inbound' as direction,
        opportunities.opportunity_type as outcome,
        cast(null as text) as campaign_ref,
        {{ without_cost() }}
    from {{ ref('opportunities') }} as opportunities
),

product_sessions as (
    select
        'product_session' as interaction_kind,
        session_id as source_id,
        customer_id,
        started_at as occurred_at,
        'product' as channel,
        'inbound' as direction,
        case when error_count > 0 then 'with errors' else 'without errors' end as outcome,
        cast(null as text) as campaign_ref,
        {{ without_cost() }}
    from {{ ref('fct_sessions') }}
),

store_visits as (
    select
        'store_visit' as interaction_kind,
        visit_id as source_id,
        customer_id,
        occurred_at,
        'store' as channel,
        'inbound' as direction,
        location_name as outcome,
        cast(null as text) as campaign_ref,
        {{ without_cost() }}
    from {{ ref('visits') }}
),

all_interactions as (
    {%- for kind in kinds %}
    select * from {{ kind }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

-- A begin, an end or a decision that lies ahead has not happened.
with_ids as (
    select
        interaction_kind || ':' || source_id as interaction_id,
        customer_id,
        occurred_at,
        cast(occurred_at as date) as interaction_date,
        interaction_kind,
        channel,
        direction,
        outcome,
        coalesce(campaign_ref, 'unknown') as campaign_ref,
        split_part(source_id, ':', 1) as system,
        substring(source_id, length(split_part(source_id, ':', 1)) + 2) as source_ref,
        cost_amount,
        original_cost_amount,
        currency,
        rate_date
    from all_interactions
    where
        customer_id is not null
        and occurred_at < (select data_window.last_date + 1 from data_window)
)

select * from with_ids
