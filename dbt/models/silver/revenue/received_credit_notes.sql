{%- set facts = [
    'status', 'credit_note_kind', 'total_amount', 'before_payment_amount', 'after_payment_amount',
    'refunded_amount', 'out_of_band_amount', 'invoice_ref', 'customer_ref', 'refund_ref',
    'currency', 'created_at'
] %}

with stripe__credit_notes as (
    select * from {{ ref('stripe__credit_notes') }}
),

-- Of two versions of one second the void one counts: no credit note becomes valid again.
newest_versions as (
    select
        credit_note_ref,
        modified_at,
        {{ facts | join(',\n        ') }}
    from stripe__credit_notes
    qualify row_number() over (
        partition by credit_note_ref
        order by modified_at desc, {{ facts | join(' desc nulls last, ') }} desc nulls last
    ) = 1
)

select * from newest_versions
