{#
  What was known about each customer at the end of each given day, as it was known then. One macro serves the day that
  is scored (`customer_features`) and the past days that models learn from (`customer_feature_snapshots`), so the two
  cannot drift apart.

  `feature_dates` is a relation with one column `as_of_date`. A row counts for a day only when it happened and was known
  before the next day, 00:00 UTC: `day_end` below.
#}
{% macro customer_features_at(feature_dates) -%}
    with feature_dates as (
        select as_of_date, cast(as_of_date + 1 as timestamp) as day_end
        from {{ feature_dates }}
    ),

    customer_days as (
        select customers.customer_id, feature_dates.as_of_date, feature_dates.day_end
        from {{ ref('customers') }} as customers
        inner join feature_dates on customers.customer_since_date <= feature_dates.as_of_date
    ),

    profile_features as (
        select
            customer_days.customer_id,
            customer_days.as_of_date,
            customers.kind,
            customers.industry,
            customers.country,
            customers.employee_count,
            customers.customer_since_date,
            date_diff('day', customers.customer_since_date, customer_days.as_of_date) as tenure_days
        from customer_days
        inner join {{ ref('customers') }} as customers on customer_days.customer_id = customers.customer_id
    ),

    -- A purchase is one from the day on which its first money came; each further part is spent on the day it came.
    spend_changes as (
        select
            *,
            cast(purchased_at as date) as purchase_date,
            cast(changed_at as date) as spend_date,
            changed_at = purchased_at as is_first_part
        from {{ ref('spend_changes') }}
    ),

    first_purchases as (
        select customer_id, min(purchase_date) as first_purchase_date
        from spend_changes
        where is_purchase
        group by customer_id
    ),

    purchase_features as (
        select
            changes.customer_id,
            dates.as_of_date,
            count(*) filter (where is_purchase and is_first_part) as purchase_count,
            count(distinct purchase_date) filter (where is_purchase) as purchase_day_count,
            min(purchase_date) filter (where is_purchase) as first_purchase_date,
            max(purchase_date) filter (where is_purchase) as last_purchase_date,
            sum(spend_change_amount) as spend_amount,
            sum(spend_change_amount) filter (where is_purchase) as gross_spend_amount,
            sum(spend_change_amount) filter (where is_purchase and purchase_date = first_purchase_date)
                as first_day_spend_amount,
            sum(spend_change_amount) filter (where spend_date > dates.as_of_date - 90) as spend_last_90_days_amount,
            sum(spend_change_amount) filter (
                where spend_date > dates.as_of_date - 180 and spend_date <= dates.as_of_date - 90
            ) as spend_prior_90_days_amount,
            greatest(count(*) filter (where is_purchase and is_first_part and kind = 'invoice') - 1, 0)
                as renewal_count
        from spend_changes as changes
        inner join feature_dates as dates on changes.changed_at < dates.day_end
        left join first_purchases on changes.customer_id = first_purchases.customer_id
        group by changes.customer_id, dates.as_of_date
    ),

    open_amounts as (
        select
            customer_id,
            changed_at,
            sum(sum(open_change_amount)) over (partition by customer_id order by changed_at) as open_invoice_amount
        from {{ ref('open_amount_changes') }}
        group by customer_id, changed_at
    ),

    open_invoice_features as (
        select customer_days.customer_id, customer_days.as_of_date, open_amounts.open_invoice_amount
        from customer_days
        asof inner join open_amounts
            on customer_days.customer_id = open_amounts.customer_id and customer_days.day_end > open_amounts.changed_at
    ),

    payment_features as (
        select payments.customer_id, dates.as_of_date, count(*) as failed_payment_last_90_days_count
        from {{ ref('payments') }} as payments
        inner join feature_dates as dates
            on payments.attempted_at < dates.day_end and payments.attempted_at >= dates.day_end - interval 90 day
        where payments.status = 'failed'
        group by payments.customer_id, dates.as_of_date
    ),

    -- The version of each subscription that was known at the end of the day, and the one of 90 days before. Whoever has
    -- paused or pays nothing for a while has not left, so the list price says whether a subscription is a paid one.
    subscription_days as (
        select
            versions.*,
            dates.as_of_date,
            days_back.days_ago,
            versions.is_paid_status
            and versions.paid_from_at < dates.day_end - to_days(days_back.days_ago)
            and coalesce(versions.ended_at >= dates.day_end - to_days(days_back.days_ago), true) as is_active,
            versions.is_paid_status and versions.is_charged
            and versions.paid_from_at < dates.day_end - to_days(days_back.days_ago) as has_been_paid
        from {{ ref('subscription_versions') }} as versions
        cross join (select unnest([0, 90]) as days_ago) as days_back
        inner join feature_dates as dates
            on
                versions.valid_from < dates.day_end - to_days(days_back.days_ago)
                and versions.valid_to >= dates.day_end - to_days(days_back.days_ago)
    ),

    largest_subscriptions as (
        select customer_id, as_of_date, plan, billing_interval, period_ends_at
        from subscription_days
        where days_ago = 0 and is_active and is_charged
        qualify row_number() over (
            partition by customer_id, as_of_date order by mrr_amount desc, started_at, subscription_id
        ) = 1
    ),

    subscription_features as (
        select
            customer_id,
            as_of_date,
            coalesce(bool_or(has_been_paid) filter (where days_ago = 0), false) as has_ever_subscribed,
            coalesce(bool_or(is_active and is_charged) filter (where days_ago = 0), false) as is_subscriber,
            count(distinct subscription_id) filter (where days_ago = 0 and is_active and is_charged)
                as active_subscription_count,
            count(distinct subscription_id) filter (where days_ago = 0 and has_been_paid and not is_active)
                as ended_subscription_count,
            coalesce(sum(mrr_amount) filter (where days_ago = 0 and is_active), 0) as mrr_amount,
            coalesce(sum(mrr_amount) filter (where days_ago = 90 and is_active), 0) as mrr_90_days_ago_amount,
            coalesce(sum(seat_count) filter (where days_ago = 0 and is_active and is_charged), 0) as seat_count,
            coalesce(sum(seat_count) filter (where days_ago = 90 and is_active and is_charged), 0)
                as seat_90_days_ago_count,
            min(cast(paid_from_at as date)) filter (where days_ago = 0 and has_been_paid) as first_subscribed_date,
            max(cast(ended_at as date)) filter (where days_ago = 0 and has_been_paid and not is_active)
                as last_ended_date,
            bool_or(is_cancel_at_period_end) filter (where days_ago = 0 and is_active) as is_cancel_at_period_end,
            coalesce(
                sum(list_mrr_amount) filter (where days_ago = 0 and is_active and is_charged and is_paused), 0
            ) as paused_mrr_amount,
            min(cast(pause_resumes_at as date)) filter (
                where days_ago = 0 and is_active and is_charged and is_paused
            ) as resumption_date
        from subscription_days
        group by customer_id, as_of_date
    ),

    usage_features as (
        select
            events.customer_id,
            dates.as_of_date,
            count(distinct usage_date) filter (where usage_date > dates.as_of_date - 30)
                as active_day_last_30_days_count,
            count(distinct usage_date) filter (
                where usage_date > dates.as_of_date - 60 and usage_date <= dates.as_of_date - 30
            ) as active_day_prior_30_days_count,
            count(distinct (dates.as_of_date - usage_date) // 7) as active_week_last_12_weeks_count,
            count(*) filter (where usage_date > dates.as_of_date - 30) as usage_event_last_30_days_count,
            count(*) filter (where usage_date > dates.as_of_date - 60 and usage_date <= dates.as_of_date - 30)
                as usage_event_prior_30_days_count,
            count(distinct user_ref) filter (where usage_date > dates.as_of_date - 30)
                as active_user_last_30_days_count,
            count(distinct feature) filter (where usage_date > dates.as_of_date - 30) as feature_last_30_days_count,
            coalesce(sum(error_count) filter (where usage_date > dates.as_of_date - 30), 0)
                as error_last_30_days_count
        from (select *, cast(occurred_at as date) as usage_date from {{ ref('usage_events') }}) as events
        inner join feature_dates as dates
            on events.known_at < dates.day_end and events.usage_date > dates.as_of_date - 84
        group by events.customer_id, dates.as_of_date
    ),

    usage_days as (
        select customer_id, cast(occurred_at as date) as usage_date, min(known_at) as known_at
        from {{ ref('usage_events') }}
        group by customer_id, usage_date
    ),

    known_usage as (
        select customer_id, known_at, max(usage_date) over (partition by customer_id order by known_at) as usage_date
        from usage_days
    ),

    last_usage as (
        select customer_days.customer_id, customer_days.as_of_date, known_usage.usage_date as last_usage_date
        from customer_days
        asof inner join known_usage
            on customer_days.customer_id = known_usage.customer_id and customer_days.day_end > known_usage.known_at
    ),

    -- Means are taken of decimals: the order of a parallel sum of floats is not fixed, and its last digit neither.
    ticket_features as (
        select
            tickets.customer_id,
            dates.as_of_date,
            count(*) filter (where opened_at >= dates.day_end - interval 90 day) as ticket_last_90_days_count,
            -- A ticket that is opened again later was solved all the same.
            count(*) filter (
                where len(list_filter(tickets.turned_at, lambda turned_at: turned_at < dates.day_end)) % 2 = 0
            ) as open_ticket_count,
            count(*) filter (
                where opened_at >= dates.day_end - interval 90 day and escalated_at < dates.day_end
            ) as escalated_ticket_last_90_days_count,
            avg(cast(csat_rating as decimal(9, 4))) filter (
                where exclusion_reason is null and rated_at < dates.day_end and rated_at >= dates.day_end - interval 180 day
            ) as csat_last_180_days_rating,
            count(csat_rating) filter (
                where exclusion_reason is null and rated_at < dates.day_end and rated_at >= dates.day_end - interval 180 day
            ) as csat_last_180_days_count,
            avg(cast(sentiment_polarity as decimal(9, 6))) filter (where opened_at >= dates.day_end - interval 180 day)
                as ticket_sentiment_last_180_days_polarity,
            max(cast(opened_at as date)) as last_ticket_date
        from {{ ref('tickets') }} as tickets
        inner join feature_dates as dates on tickets.opened_at < dates.day_end
        group by tickets.customer_id, dates.as_of_date
    ),

    survey_features as (
        select
            responses.customer_id,
            dates.as_of_date,
            max_by(rating, (responded_at, response_id)) filter (
                where survey_kind = 'nps' and responded_at >= dates.day_end - interval 365 day
            ) as nps_rating,
            max(cast(responded_at as date)) as last_survey_date
        from {{ ref('survey_responses') }} as responses
        inner join feature_dates as dates on responses.responded_at < dates.day_end
        group by responses.customer_id, dates.as_of_date
    ),

    touchpoint_features as (
        select
            touchpoints.customer_id,
            dates.as_of_date,
            count(*) filter (where is_message) as message_last_180_days_count,
            count(*) filter (where is_message and outcome in ('opened', 'clicked', 'converted'))
                as message_opened_last_180_days_count,
            count(*) filter (where is_message and outcome in ('clicked', 'converted'))
                as message_clicked_last_180_days_count,
            count(*) filter (where not is_message and occurred_at >= dates.day_end - interval 90 day)
                as web_visit_last_90_days_count,
            max(cast(occurred_at as date)) filter (
                where not is_message or outcome in ('opened', 'clicked', 'converted')
            ) as last_response_date
        from (
            select *, coalesce(direction, 'outbound') = 'outbound' as is_message from {{ ref('touchpoints') }}
        ) as touchpoints
        inner join feature_dates as dates
            on
                touchpoints.occurred_at < dates.day_end
                and touchpoints.occurred_at >= dates.day_end - interval 180 day
        group by touchpoints.customer_id, dates.as_of_date
    ),

    customer_features as (
        select
            profile_features.*,
            coalesce(purchase_count, 0) as purchase_count,
            coalesce(purchase_day_count, 0) as purchase_day_count,
            first_purchase_date,
            last_purchase_date,
            date_diff('day', first_purchase_date, profile_features.as_of_date) as days_since_first_purchase,
            date_diff('day', last_purchase_date, profile_features.as_of_date) as days_since_last_purchase,
            date_diff('day', first_purchase_date, last_purchase_date) as purchase_span_days,
            cast(coalesce(spend_amount, 0) as decimal(18, 2)) as spend_amount,
            cast(coalesce(gross_spend_amount, 0) as decimal(18, 2)) as gross_spend_amount,
            cast(coalesce(first_day_spend_amount, 0) as decimal(18, 2)) as first_day_spend_amount,
            cast(coalesce(spend_last_90_days_amount, 0) as decimal(18, 2)) as spend_last_90_days_amount,
            cast(coalesce(spend_prior_90_days_amount, 0) as decimal(18, 2)) as spend_prior_90_days_amount,
            coalesce(has_ever_subscribed, false) as has_ever_subscribed,
            coalesce(is_subscriber, false) as is_subscriber,
            coalesce(active_subscription_count, 0) as active_subscription_count,
            coalesce(ended_subscription_count, 0) as ended_subscription_count,
            plan,
            billing_interval,
            cast(coalesce(mrr_amount, 0) as decimal(18, 2)) as mrr_amount,
            cast(coalesce(mrr_90_days_ago_amount, 0) as decimal(18, 2)) as mrr_90_days_ago_amount,
            cast(coalesce(seat_count, 0) as bigint) as seat_count,
            cast(coalesce(seat_90_days_ago_count, 0) as bigint) as seat_90_days_ago_count,
            date_diff('day', first_subscribed_date, profile_features.as_of_date) as subscription_tenure_days,
            date_diff(
                'day', first_subscribed_date, if(is_subscriber, profile_features.as_of_date, last_ended_date)
            ) as subscribed_days,
            least(
                subscribed_days,
                greatest(0, date_diff('day', first_subscribed_date, (select first_date from {{ ref('data_window') }})))
            ) as unseen_subscribed_days,
            date_diff('day', profile_features.as_of_date, cast(period_ends_at as date)) as days_until_renewal,
            coalesce(renewal_count, 0) as renewal_count,
            is_cancel_at_period_end,
            coalesce(failed_payment_last_90_days_count, 0) as failed_payment_last_90_days_count,
            cast(coalesce(open_invoice_amount, 0) as decimal(18, 2)) as open_invoice_amount,
            last_usage_date is not null as has_usage_data,
            date_diff('day', last_usage_date, profile_features.as_of_date) as days_since_last_usage,
            coalesce(active_day_last_30_days_count, 0) as active_day_last_30_days_count,
            coalesce(active_day_prior_30_days_count, 0) as active_day_prior_30_days_count,
            coalesce(active_week_last_12_weeks_count, 0) as active_week_last_12_weeks_count,
            coalesce(usage_event_last_30_days_count, 0) as usage_event_last_30_days_count,
            coalesce(usage_event_prior_30_days_count, 0) as usage_event_prior_30_days_count,
            coalesce(active_user_last_30_days_count, 0) as active_user_last_30_days_count,
            coalesce(feature_last_30_days_count, 0) as feature_last_30_days_count,
            cast(coalesce(error_last_30_days_count, 0) as bigint) as error_last_30_days_count,
            last_ticket_date is not null as has_ticket_data,
            coalesce(ticket_last_90_days_count, 0) as ticket_last_90_days_count,
            coalesce(open_ticket_count, 0) as open_ticket_count,
            coalesce(escalated_ticket_last_90_days_count, 0) as escalated_ticket_last_90_days_count,
            csat_last_180_days_rating,
            coalesce(csat_last_180_days_count, 0) as csat_last_180_days_count,
            ticket_sentiment_last_180_days_polarity,
            nps_rating,
            date_diff('day', last_survey_date, profile_features.as_of_date) as days_since_last_survey,
            coalesce(message_last_180_days_count, 0) as message_last_180_days_count,
            coalesce(message_opened_last_180_days_count, 0) as message_opened_last_180_days_count,
            coalesce(message_clicked_last_180_days_count, 0) as message_clicked_last_180_days_count,
            coalesce(web_visit_last_90_days_count, 0) as web_visit_last_90_days_count,
            date_diff(
                'day',
                greatest(
                    last_purchase_date, last_usage_date, last_ticket_date, last_survey_date, last_response_date
                ),
                profile_features.as_of_date
            ) as days_since_last_interaction,
            cast(coalesce(paused_mrr_amount, 0) as decimal(18, 2)) as paused_mrr_amount,
            date_diff('day', profile_features.as_of_date, resumption_date) as days_until_resumption
        from profile_features
        {%- for relation in [
            'purchase_features', 'open_invoice_features', 'payment_features', 'subscription_features',
            'largest_subscriptions', 'usage_features', 'last_usage', 'ticket_features', 'survey_features',
            'touchpoint_features'
        ] %}
        left join {{ relation }}
            on
                profile_features.customer_id = {{ relation }}.customer_id
                and profile_features.as_of_date = {{ relation }}.as_of_date
        {%- endfor %}
    )
{%- endmacro %}
