with usage_events as (
    select
        *,
        cast(occurred_at as date) as usage_date
    from {{ ref('usage_events') }}
    where feature is not null
),

data_window as (
    select * from {{ ref('data_window') }}
),

feature_days as (
    select
        customer_id,
        feature,
        usage_date,
        count(*) as event_count,
        sum(quantity) as use_count
    from usage_events
    group by customer_id, feature, usage_date
),

users as (
    select
        customer_id,
        feature,
        count(distinct user_ref) as user_count
    from usage_events
    group by customer_id, feature
),

numbered_days as (
    select
        *,
        min(usage_date) over (partition by customer_id, feature) as discovered_date,
        row_number() over (partition by customer_id, feature order by usage_date) as day_number
    from feature_days
),

-- A habit is so many different days of use within the window that opens with the first use.
milestones as (
    select
        customer_id,
        feature,
        min(discovered_date) as discovered_date,
        min(
            case
                when
                    day_number = {{ activation_days() }}
                    and usage_date < discovered_date + {{ adoption_window_days() }}
                    then usage_date
            end
        ) as activated_date,
        max(usage_date) as last_used_date,
        count(*) as active_day_count,
        cast(sum(event_count) as bigint) as event_count,
        cast(sum(use_count) as bigint) as use_count
    from numbered_days
    group by customer_id, feature
),

with_recency as (
    select
        milestones.*,
        users.user_count,
        date_diff('day', milestones.last_used_date, data_window.last_date) as days_since_last_use,
        milestones.last_used_date > data_window.last_date - {{ adoption_window_days() }} as is_used_lately
    from milestones
    inner join users on milestones.customer_id = users.customer_id and milestones.feature = users.feature
    cross join data_window
),

with_status as (
    select
        customer_id,
        feature,
        case
            when not is_used_lately then 'lapsed'
            when activated_date is null then 'discovered'
            when last_used_date < discovered_date + {{ adoption_window_days() }} then 'activated'
            else 'retained'
        end as adoption_status,
        discovered_date,
        activated_date,
        last_used_date,
        date_diff('day', discovered_date, activated_date) as days_until_activation,
        days_since_last_use,
        activated_date is not null as is_activated,
        activated_date is not null
        and is_used_lately
        and last_used_date >= discovered_date + {{ adoption_window_days() }} as is_retained,
        active_day_count,
        user_count,
        event_count,
        use_count
    from with_recency
)

select * from with_status
