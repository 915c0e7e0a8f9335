{%- set facts = ['status', 'amount', 'charge_ref', 'reason', 'currency', 'created_at'] %}

with stripe__disputes as (
    select * from {{ ref('stripe__disputes') }}
),

-- Of two versions of one second the decided one counts, then any, but always the same one.
newest_versions as (
    select
        dispute_ref,
        modified_at,
        {{ facts | join(',\n        ') }}
    from stripe__disputes
    qualify row_number() over (
        partition by dispute_ref
        order by
            modified_at desc,
            (status in ('won', 'lost')) desc,
            {{ facts | join(' desc nulls last, ') }} desc nulls last
    ) = 1
)

select * from newest_versions
