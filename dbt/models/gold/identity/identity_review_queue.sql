with review_queue as (
    select * from {{ source('resolved', 'identity_review_queue') }}
),

identities as (
    select * from {{ source('resolved', 'customer_identities') }}
),

pairs as (
    select
        review_queue.left_system,
        review_queue.left_object,
        review_queue.left_ref,
        left_identities.customer_id as left_customer_id,
        review_queue.right_system,
        review_queue.right_object,
        review_queue.right_ref,
        right_identities.customer_id as right_customer_id,
        review_queue.match_probability,
        review_queue.evidence
    from review_queue
    left join identities as left_identities
        on
            review_queue.left_system = left_identities.system
            and review_queue.left_object = left_identities.object
            and review_queue.left_ref = left_identities.source_ref
    left join identities as right_identities
        on
            review_queue.right_system = right_identities.system
            and review_queue.right_object = right_identities.object
            and review_queue.right_ref = right_identities.source_ref
)

select * from pairs
