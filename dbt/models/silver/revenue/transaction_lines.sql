with received_transaction_lines as (
    select * from {{ ref('received_transaction_lines') }}
),

files__transaction_lines as (
    select * from {{ ref('files__transaction_lines') }}
),

subscription_items as (
    select * from {{ ref('subscription_items') }}
),

-- Money that goes back has an amount below 0 here, and so have its lines.
transactions as (
    select
        * replace (if({{ gives_back('kind') }}, -original_amount, original_amount) as original_amount),
        {{ gives_back('kind') }} as is_money_back
    from {{ ref('transactions') }}
),

metered_prices as (
    select distinct price_ref
    from subscription_items
    where is_metered and price_ref is not null
),

stripe_lines as (
    select
        transactions.transaction_id,
        'stripe:' || received.invoice_ref || ':' || received.line_ref as line_id,
        cast(null as bigint) as source_line_number,
        case
            when received.usage_type = 'metered' or metered_prices.price_ref is not null then 'usage'
            when received.is_proration then 'proration'
            when received.line_kind = 'subscription' then 'subscription'
            else 'one_off'
        end as line_kind,
        coalesce('stripe:' || received.subscription_ref, transactions.subscription_id) as subscription_id,
        'stripe:' || received.subscription_ref || ':' || received.subscription_item_ref as subscription_item_id,
        received.product_ref,
        received.price_ref,
        received.description,
        cast(received.quantity as decimal(18, 4)) as quantity,
        received.line_amount - coalesce(received.included_tax_amount, 0) as line_amount,
        coalesce(received.discount_amount, 0) as discount_amount,
        coalesce(received.tax_amount, 0) as tax_amount,
        received.period_started_at,
        received.period_ends_at
    from received_transaction_lines as received
    inner join transactions on transactions.transaction_id = 'stripe:' || received.invoice_ref
    left join metered_prices on received.price_ref = metered_prices.price_ref
),

-- A line of the file drop has a price per unit and nothing of discount and tax.
priced_file_lines as (
    select
        transactions.transaction_id,
        transactions.is_money_back,
        'files:' || files.transaction_ref || ':' || files.line_number as line_id,
        files.line_number as source_line_number,
        'one_off' as line_kind,
        cast(null as text) as subscription_id,
        cast(null as text) as subscription_item_id,
        files.product_ref,
        cast(null as text) as price_ref,
        files.category as description,
        coalesce(files.quantity, 1) as quantity,
        -- What is too large for an amount of money is left to the remainder.
        coalesce(try_cast(round(
            coalesce(files.quantity, 1) * cast(coalesce(files.unit_price_amount, 0) as decimal(28, 2)), 2
        ) as decimal(18, 2)), 0) as line_amount,
        cast(0 as decimal(18, 2)) as discount_amount,
        cast(0 as decimal(18, 2)) as tax_amount,
        cast(null as timestamp) as period_started_at,
        cast(null as timestamp) as period_ends_at
    from files__transaction_lines as files
    inner join transactions on transactions.transaction_id = 'files:' || files.transaction_ref
),

-- A shop writes what came back as it was sold, or with either factor below 0; a fee that it keeps has the other sign.
directions as (
    select
        transaction_id,
        if(is_money_back and sum(line_amount) > 0, -1, 1) as direction
    from priced_file_lines
    group by transaction_id, is_money_back
),

file_lines as (
    select
        priced_file_lines.* replace (
            priced_file_lines.line_amount * directions.direction as line_amount,
            case
                when not priced_file_lines.is_money_back then priced_file_lines.quantity
                when priced_file_lines.line_amount * directions.direction > 0 then abs(priced_file_lines.quantity)
                else -abs(priced_file_lines.quantity)
            end as quantity
        )
    from priced_file_lines
    inner join directions on priced_file_lines.transaction_id = directions.transaction_id
),

delivered_lines as (
    select * from stripe_lines
    union all
    select * exclude (is_money_back) from file_lines
),

delivered_amounts as (
    select
        transaction_id,
        sum(line_amount - discount_amount + tax_amount) as total_amount
    from delivered_lines
    group by transaction_id
),

-- What no line explains: the whole transaction where the source delivers no lines, else what its lines leave over.
remainders as (
    select
        transactions.transaction_id,
        transactions.transaction_id || ':rest' as line_id,
        cast(null as bigint) as source_line_number,
        'not_itemized' as line_kind,
        transactions.subscription_id,
        cast(null as text) as subscription_item_id,
        cast(null as text) as product_ref,
        cast(null as text) as price_ref,
        cast(null as text) as description,
        cast(null as decimal(18, 4)) as quantity,
        transactions.original_amount - coalesce(delivered.total_amount, transactions.original_tax_amount)
        + if(delivered.transaction_id is null, transactions.original_discount_amount, 0) as line_amount,
        if(delivered.transaction_id is null, transactions.original_discount_amount, 0) as discount_amount,
        if(delivered.transaction_id is null, transactions.original_tax_amount, 0) as tax_amount,
        cast(null as timestamp) as period_started_at,
        cast(null as timestamp) as period_ends_at
    from transactions
    left join delivered_amounts as delivered on transactions.transaction_id = delivered.transaction_id
    where transactions.original_amount is distinct from delivered.total_amount
),

all_lines as (
    select * from delivered_lines
    union all
    select * from remainders
),

with_running_total as (
    select
        all_lines.*,
        transactions.system,
        transactions.customer_id,
        transactions.status,
        transactions.is_money_back,
        transactions.occurred_at,
        transactions.currency,
        transactions.exchange_rate,
        transactions.rate_date,
        all_lines.line_amount - all_lines.discount_amount + all_lines.tax_amount as total_amount,
        row_number() over same_transaction as line_number,
        count(*) over (partition by all_lines.transaction_id) as line_count,
        sum(all_lines.line_amount - all_lines.discount_amount + all_lines.tax_amount) over same_transaction
            as running_total_amount
    from all_lines
    inner join transactions on all_lines.transaction_id = transactions.transaction_id
    window same_transaction as (
        partition by all_lines.transaction_id
        order by all_lines.line_kind = 'not_itemized', all_lines.source_line_number, all_lines.line_id
        rows between unbounded preceding and current row
    )
),

-- Totals are converted as parts of the transaction, so that they add up to it; the amount before discount and tax is
-- what makes a line's own sum come out.
in_money as (
    select
        * exclude (line_amount, discount_amount, tax_amount, total_amount, running_total_amount),
        line_amount as original_line_amount,
        discount_amount as original_discount_amount,
        tax_amount as original_tax_amount,
        total_amount as original_total_amount,
        {{ at_exchange_rate('discount_amount', 'exchange_rate') }} as discount_amount,
        {{ at_exchange_rate('tax_amount', 'exchange_rate') }} as tax_amount,
        {{ part_at_exchange_rate('running_total_amount', 'running_total_amount - total_amount', 'exchange_rate') }}
            as total_amount
    from with_running_total
),

described as (
    select
        line_id,
        transaction_id,
        line_number,
        system,
        customer_id,
        status,
        is_money_back,
        occurred_at,
        line_kind,
        line_kind = 'not_itemized' and line_count = 1 as is_whole_transaction,
        subscription_id,
        subscription_item_id,
        coalesce(system || ':' || product_ref, 'unknown') as product_id,
        price_ref,
        description,
        quantity,
        period_started_at,
        period_ends_at,
        cast(total_amount + discount_amount - tax_amount as decimal(18, 2)) as line_amount,
        discount_amount,
        tax_amount,
        total_amount,
        cast(original_line_amount as decimal(18, 2)) as original_line_amount,
        cast(original_discount_amount as decimal(18, 2)) as original_discount_amount,
        cast(original_tax_amount as decimal(18, 2)) as original_tax_amount,
        cast(original_total_amount as decimal(18, 2)) as original_total_amount,
        currency,
        exchange_rate,
        rate_date
    from in_money
)

select * from described
