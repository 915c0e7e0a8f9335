with subscription_terms as (
    select * from {{ ref('subscription_terms') }}
),

transaction_lines as (
    select * from {{ ref('transaction_lines') }}
),

data_window as (
    select * from {{ ref('data_window') }}
),

-- Terms under which the subscription is paid for; a trial owns nothing.
owned_terms as (
    select
        terms.customer_id,
        {{ subscribed_product_id('terms') }} as product_id,
        terms.subscription_id,
        terms.seat_count,
        greatest(terms.effective_from, terms.paid_from_at) as owned_from,
        terms.effective_to as owned_to,
        cast(data_window.last_date + 1 as timestamp) as data_end
    from subscription_terms as terms
    cross join data_window
    where
        terms.is_paid_status
        and coalesce(terms.product_ref, terms.plan) <> 'unknown'
        and greatest(terms.effective_from, terms.paid_from_at) < terms.effective_to
        and greatest(terms.effective_from, terms.paid_from_at) <= data_window.last_date + 1
),

subscribed as (
    select
        customer_id,
        product_id,
        'subscription' as acquired_by,
        min(cast(owned_from as date)) as first_owned_date,
        max(cast(least(owned_to, data_end) - interval 1 microsecond as date)) as last_owned_date,
        bool_or(owned_to >= data_end) as is_owned,
        cast(coalesce(sum(seat_count) filter (where owned_to >= data_end), 0) as double) as quantity
    from owned_terms
    group by customer_id, product_id
),

-- A thing that was bought and paid stays owned from its first day until all of it has come back.
purchased as (
    select
        transaction_lines.customer_id,
        transaction_lines.product_id,
        'purchase' as acquired_by,
        min(cast(transaction_lines.occurred_at as date)) filter (where transaction_lines.quantity > 0)
            as first_owned_date,
        greatest(sum(transaction_lines.quantity), 0) as quantity,
        if(
            sum(transaction_lines.quantity) > 0,
            max(data_window.last_date),
            max(cast(transaction_lines.occurred_at as date))
        ) as last_owned_date
    from transaction_lines
    cross join data_window
    where
        transaction_lines.line_kind = 'one_off'
        and transaction_lines.status = 'paid'
        and transaction_lines.product_id <> 'unknown'
    group by transaction_lines.customer_id, transaction_lines.product_id
    having bool_or(transaction_lines.quantity > 0)
),

owned as (
    select * from subscribed
    union all
    select
        customer_id,
        product_id,
        acquired_by,
        first_owned_date,
        last_owned_date,
        quantity > 0 as is_owned,
        cast(quantity as double) as quantity
    from purchased
),

per_product as (
    select
        customer_id,
        product_id,
        -- Who subscribes to what they bought too has it by the subscription.
        if(bool_or(acquired_by = 'subscription'), 'subscription', 'purchase') as acquired_by,
        min(first_owned_date) as first_owned_date,
        max(last_owned_date) as last_owned_date,
        bool_or(is_owned) as is_owned,
        sum(quantity) as quantity
    from owned
    group by customer_id, product_id
),

spend as (
    select
        customer_id,
        product_id,
        sum(total_amount) as spend_amount
    from transaction_lines
    where status = 'paid'
    group by customer_id, product_id
),

described as (
    select
        per_product.customer_id,
        per_product.product_id,
        per_product.acquired_by,
        per_product.first_owned_date,
        per_product.last_owned_date,
        per_product.is_owned,
        per_product.quantity,
        cast(coalesce(spend.spend_amount, 0) as decimal(18, 2)) as spend_amount
    from per_product
    left join spend
        on per_product.customer_id = spend.customer_id and per_product.product_id = spend.product_id
)

select * from described
