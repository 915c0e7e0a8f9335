-- What dbt executes for the bronze table stripe__refunds, so that its macros can be read as the SQL that they become:
-- the model, and the hook after it. A test compares it with what compiles today and says how to write it anew.
with landed as (
    select
        * exclude (_source_file, _source_line, _loaded_at),
        coalesce(_source_file, 'stripe/refunds/' || parse_filename(_landing_file)) as _source_file,
        coalesce(_source_line, file_row_number + 1) as _source_line,
        coalesce(_loaded_at, try_strptime(left(parse_filename(_landing_file), 16), '%Y%m%dT%H%M%SZ')) as _loaded_at
    from (
        select *
        from
            read_parquet(
                if(
                    len(getvariable('stripe__refunds_files')) = 0,
                    ['data/landing/stripe/refunds/_empty.parquet'],
                    getvariable('stripe__refunds_files')
                ),
                union_by_name = true,
                filename = '_landing_file',
                file_row_number = true
            )
        union all by name
        select
            null as id,
            null as charge,
            null as payment_intent,
            null as status,
            null as reason,
            null as currency,
            cast(null as bigint) as amount,
            cast(null as bigint) as created,
            cast(null as bigint) as event_created,
            null as extra,
            cast(null as varchar) as _source_file,
            cast(null as bigint) as _source_line,
            cast(null as timestamp) as _loaded_at,
            cast(null as varchar) as _reject_column,
            cast(null as varchar) as _reject_reason,
            cast(null as varchar) as _faults
        where false
    ) as rows_of_files
),

written as (
    select
        id as raw__refund_ref,
        charge as raw__charge_ref,
        payment_intent as raw__payment_intent_ref,
        status as raw__status,
        reason as raw__reason,
        currency as raw__currency,
        amount as raw__amount,
        created as raw__created_at,
        event_created as raw__modified_at,
        extra as raw__extra,
        case
            when upper(trim(currency)) in (
                'BIF', 'CLP', 'DJF', 'GNF', 'JPY', 'KMF', 'KRW', 'MGA', 'PYG', 'RWF', 'VND', 'VUV', 'XAF', 'XOF', 'XPF'
            ) then cast(1 as decimal(4, 3))
            when upper(trim(currency)) in ('BHD', 'JOD', 'KWD', 'OMR', 'TND') then cast(0.001 as decimal(4, 3))
            else cast(0.01 as decimal(4, 3))
        end as _minor_unit,
        _source_file,
        _source_line,
        _loaded_at,
        _reject_column,
        _reject_reason,
        _faults as landed_faults
    from landed
),

typed as (
    select
        *,
        nullif(trim(cast(raw__refund_ref as varchar)), '') as refund_ref,
        nullif(trim(cast(raw__charge_ref as varchar)), '') as charge_ref,
        nullif(trim(cast(raw__payment_intent_ref as varchar)), '') as payment_intent_ref,
        nullif(trim(cast(raw__status as varchar)), '') as status,
        nullif(trim(cast(raw__reason as varchar)), '') as reason,
        upper(nullif(trim(cast(raw__currency as varchar)), '')) as currency,
        cast(cast(try_cast(raw__amount as decimal(16, 0)) as decimal(34, 0)) * _minor_unit as decimal(18, 2)) as amount,
        try(make_timestamp(
            try_cast(raw__created_at as bigint)
            * case
                when try_cast(raw__created_at as bigint) < 1e12 then 1000000
                when try_cast(raw__created_at as bigint) < 1e15 then 1000
                else 1
            end
            // if(try_cast(raw__created_at as bigint) < 1e18, 1, 1000)
        )) as created_at,
        try(make_timestamp(
            try_cast(raw__modified_at as bigint)
            * case
                when try_cast(raw__modified_at as bigint) < 1e12 then 1000000
                when try_cast(raw__modified_at as bigint) < 1e15 then 1000
                else 1
            end
            // if(try_cast(raw__modified_at as bigint) < 1e18, 1, 1000)
        )) as modified_at,
        nullif(trim(cast(raw__extra as varchar)), '') as extra
    from written
),

kept as (
    select
        refund_ref,
        charge_ref,
        payment_intent_ref,
        status,
        reason,
        currency,
        amount,
        created_at,
        modified_at,
        extra,
        _source_file,
        _source_line,
        _loaded_at,
        landed_faults as _faults,
        getvariable('stripe__refunds_load') as _load_number
    from typed
    where
        not case
            when _reject_reason is not null then true
            when if(cast(raw__refund_ref as varchar) between '!' and '~', false, refund_ref is null) then true
            when if(cast(raw__status as varchar) between '!' and '~', false, status is null) then true
            when status not in ('succeeded', 'pending', 'requires_action', 'failed', 'canceled') then true
            when if(cast(raw__currency as varchar) between '!' and '~', false, currency is null) then true
            when currency not in (select rates.currency from warehouse.bronze.currency_rates as rates) then true
            when amount is null and raw__amount is not null then true
            when amount is null and raw__amount is null then true
            when amount < 0 then true
            when amount > 10000000000000 then true
            when created_at is null and raw__created_at is not null then true
            when created_at is null and raw__created_at is null then true
            when created_at < date '1900-01-01' or created_at >= date '2100-01-01' then true
            when created_at < timestamp '1990-01-01' then true
            when created_at > _loaded_at + interval 1 day then true
            when modified_at is null and raw__modified_at is not null then true
            when modified_at is null and raw__modified_at is null then true
            when modified_at < date '1900-01-01' or modified_at >= date '2100-01-01' then true
            else false
        end
)

select * from kept;

create table if not exists warehouse.quarantine.stripe__refunds (
    source_file text,
    source_line bigint,
    column_name text,
    reason text,
    loaded_at timestamp
);

set variable stripe__refunds_files_with_bad_rows = (
    select
        if(
            count(*) = (
                select coalesce(sum(file_sizes.num_rows), 0)
                from
                    parquet_file_metadata(
                        if(
                            len(getvariable('stripe__refunds_files')) = 0,
                            ['data/landing/stripe/refunds/_empty.parquet'],
                            getvariable('stripe__refunds_files')
                        )
                    ) as file_sizes
            ),
            [],
            getvariable('stripe__refunds_files')
        )
    from warehouse.bronze.stripe__refunds
    where _load_number = getvariable('stripe__refunds_load')
);

insert into warehouse.quarantine.stripe__refunds
with landed as (
    select
        * exclude (_source_file, _source_line, _loaded_at),
        coalesce(_source_file, 'stripe/refunds/' || parse_filename(_landing_file)) as _source_file,
        coalesce(_source_line, file_row_number + 1) as _source_line,
        coalesce(_loaded_at, try_strptime(left(parse_filename(_landing_file), 16), '%Y%m%dT%H%M%SZ')) as _loaded_at
    from (
        select *
        from
            read_parquet(
                if(
                    len(getvariable('stripe__refunds_files_with_bad_rows')) = 0,
                    ['data/landing/stripe/refunds/_empty.parquet'],
                    getvariable('stripe__refunds_files_with_bad_rows')
                ),
                union_by_name = true,
                filename = '_landing_file',
                file_row_number = true
            )
        union all by name
        select
            null as id,
            null as charge,
            null as payment_intent,
            null as status,
            null as reason,
            null as currency,
            cast(null as bigint) as amount,
            cast(null as bigint) as created,
            cast(null as bigint) as event_created,
            null as extra,
            cast(null as varchar) as _source_file,
            cast(null as bigint) as _source_line,
            cast(null as timestamp) as _loaded_at,
            cast(null as varchar) as _reject_column,
            cast(null as varchar) as _reject_reason,
            cast(null as varchar) as _faults
        where false
    ) as rows_of_files
),

written as (
    select
        id as raw__refund_ref,
        charge as raw__charge_ref,
        payment_intent as raw__payment_intent_ref,
        status as raw__status,
        reason as raw__reason,
        currency as raw__currency,
        amount as raw__amount,
        created as raw__created_at,
        event_created as raw__modified_at,
        extra as raw__extra,
        case
            when upper(trim(currency)) in (
                'BIF', 'CLP', 'DJF', 'GNF', 'JPY', 'KMF', 'KRW', 'MGA', 'PYG', 'RWF', 'VND', 'VUV', 'XAF', 'XOF', 'XPF'
            ) then cast(1 as decimal(4, 3))
            when upper(trim(currency)) in ('BHD', 'JOD', 'KWD', 'OMR', 'TND') then cast(0.001 as decimal(4, 3))
            else cast(0.01 as decimal(4, 3))
        end as _minor_unit,
        _source_file,
        _source_line,
        _loaded_at,
        _reject_column,
        _reject_reason,
        _faults as landed_faults
    from landed
),

typed as (
    select
        *,
        nullif(trim(cast(raw__refund_ref as varchar)), '') as refund_ref,
        nullif(trim(cast(raw__charge_ref as varchar)), '') as charge_ref,
        nullif(trim(cast(raw__payment_intent_ref as varchar)), '') as payment_intent_ref,
        nullif(trim(cast(raw__status as varchar)), '') as status,
        nullif(trim(cast(raw__reason as varchar)), '') as reason,
        upper(nullif(trim(cast(raw__currency as varchar)), '')) as currency,
        cast(cast(try_cast(raw__amount as decimal(16, 0)) as decimal(34, 0)) * _minor_unit as decimal(18, 2)) as amount,
        try(make_timestamp(
            try_cast(raw__created_at as bigint)
            * case
                when try_cast(raw__created_at as bigint) < 1e12 then 1000000
                when try_cast(raw__created_at as bigint) < 1e15 then 1000
                else 1
            end
            // if(try_cast(raw__created_at as bigint) < 1e18, 1, 1000)
        )) as created_at,
        try(make_timestamp(
            try_cast(raw__modified_at as bigint)
            * case
                when try_cast(raw__modified_at as bigint) < 1e12 then 1000000
                when try_cast(raw__modified_at as bigint) < 1e15 then 1000
                else 1
            end
            // if(try_cast(raw__modified_at as bigint) < 1e18, 1, 1000)
        )) as modified_at,
        nullif(trim(cast(raw__extra as varchar)), '') as extra
    from written
),

bad_rows as (
    select
        _source_file,
        _source_line,
        case
            when _reject_reason is not null then _reject_column
            when if(cast(raw__refund_ref as varchar) between '!' and '~', false, refund_ref is null)
                then 'refund_ref'
            when if(cast(raw__status as varchar) between '!' and '~', false, status is null)
                then 'status'
            when status not in ('succeeded', 'pending', 'requires_action', 'failed', 'canceled')
                then 'status'
            when if(cast(raw__currency as varchar) between '!' and '~', false, currency is null)
                then 'currency'
            when currency not in (select rates.currency from warehouse.bronze.currency_rates as rates)
                then 'currency'
            when amount is null and raw__amount is not null
                then 'amount'
            when amount is null and raw__amount is null
                then 'amount'
            when amount < 0
                then 'amount'
            when amount > 10000000000000
                then 'amount'
            when created_at is null and raw__created_at is not null
                then 'created_at'
            when created_at is null and raw__created_at is null
                then 'created_at'
            when created_at < date '1900-01-01' or created_at >= date '2100-01-01'
                then 'created_at'
            when created_at < timestamp '1990-01-01'
                then 'created_at'
            when created_at > _loaded_at + interval 1 day
                then 'created_at'
            when modified_at is null and raw__modified_at is not null
                then 'modified_at'
            when modified_at is null and raw__modified_at is null
                then 'modified_at'
            when modified_at < date '1900-01-01' or modified_at >= date '2100-01-01'
                then 'modified_at'
        end as _column,
        coalesce(
            _reject_reason,
            concat_ws(
                '; ',
                case
                    when if(cast(raw__refund_ref as varchar) between '!' and '~', false, refund_ref is null)
                        then
                            'refund_ref: required, and empty'
                end,
                case
                    when if(cast(raw__status as varchar) between '!' and '~', false, status is null)
                        then
                            'status: required, and empty'
                end,
                case
                    when status not in ('succeeded', 'pending', 'requires_action', 'failed', 'canceled')
                        then
                            'status: ''' || left(cast(raw__status as varchar), 60)
                            || ''' is none of succeeded, pending, requires_action, failed, canceled'
                end,
                case
                    when if(cast(raw__currency as varchar) between '!' and '~', false, currency is null)
                        then
                            'currency: required, and empty'
                end,
                case
                    when currency not in (select rates.currency from warehouse.bronze.currency_rates as rates)
                        then
                            'currency: ''' || left(cast(raw__currency as varchar), 60)
                            || ''' has no rate in dbt/seeds/currency_rates.csv: write three letters, or add a rate'
                end,
                case
                    when amount is null and raw__amount is not null
                        then
                            'amount: ''' || left(cast(raw__amount as varchar), 60)
                            || ''' is not a number: write digits and a decimal point'
                end,
                case
                    when amount is null and raw__amount is null
                        then
                            'amount: required, and empty'
                end,
                case
                    when amount < 0
                        then
                            'amount: ' || amount || ' is below 0'
                end,
                case
                    when amount > 10000000000000
                        then
                            'amount: ' || amount || ' is above 10000000000000'
                end,
                case
                    when created_at is null and raw__created_at is not null
                        then
                            'created_at: ''' || left(cast(raw__created_at as varchar), 60)
                            || ''' is not a time: write 2026-04-30 or 2026-04-30T14:30:00Z'
                end,
                case
                    when created_at is null and raw__created_at is null
                        then
                            'created_at: required, and empty'
                end,
                case
                    when created_at < date '1900-01-01' or created_at >= date '2100-01-01'
                        then
                            'created_at: ' || left(cast(raw__created_at as varchar), 60)
                            || ' is not between the years 1900 and 2099'
                end,
                case
                    when created_at < timestamp '1990-01-01'
                        then
                            'created_at: ' || left(cast(raw__created_at as varchar), 60)
                            || ' is before 1990: set the clock or the unit of the time right'
                end,
                case
                    when created_at > _loaded_at + interval 1 day
                        then
                            'created_at: ' || left(cast(raw__created_at as varchar), 60)
                            || ' lies ahead of its loading on '
                            || strftime(_loaded_at, '%Y-%m-%d') || ': set the clock right or wait until it has happened'
                end,
                case
                    when modified_at is null and raw__modified_at is not null
                        then
                            'modified_at: ''' || left(cast(raw__modified_at as varchar), 60)
                            || ''' is not a time: write 2026-04-30 or 2026-04-30T14:30:00Z'
                end,
                case
                    when modified_at is null and raw__modified_at is null
                        then
                            'modified_at: required, and empty'
                end,
                case
                    when modified_at < date '1900-01-01' or modified_at >= date '2100-01-01'
                        then
                            'modified_at: ' || left(cast(raw__modified_at as varchar), 60)
                            || ' is not between the years 1900 and 2099'
                end
            )
        ) as _reason,
        _loaded_at
    from typed
    where
        case
            when _reject_reason is not null then true
            when if(cast(raw__refund_ref as varchar) between '!' and '~', false, refund_ref is null) then true
            when if(cast(raw__status as varchar) between '!' and '~', false, status is null) then true
            when status not in ('succeeded', 'pending', 'requires_action', 'failed', 'canceled') then true
            when if(cast(raw__currency as varchar) between '!' and '~', false, currency is null) then true
            when currency not in (select rates.currency from warehouse.bronze.currency_rates as rates) then true
            when amount is null and raw__amount is not null then true
            when amount is null and raw__amount is null then true
            when amount < 0 then true
            when amount > 10000000000000 then true
            when created_at is null and raw__created_at is not null then true
            when created_at is null and raw__created_at is null then true
            when created_at < date '1900-01-01' or created_at >= date '2100-01-01' then true
            when created_at < timestamp '1990-01-01' then true
            when created_at > _loaded_at + interval 1 day then true
            when modified_at is null and raw__modified_at is not null then true
            when modified_at is null and raw__modified_at is null then true
            when modified_at < date '1900-01-01' or modified_at >= date '2100-01-01' then true
            else false
        end
),

quarantined as (
    select * from bad_rows
)

select
    _source_file as source_file,
    _source_line as source_line,
    coalesce(_column, 'whole row') as column_name,
    _reason as reason,
    _loaded_at as loaded_at
from quarantined
order by source_file, source_line;
