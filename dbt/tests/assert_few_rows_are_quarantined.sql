{{ config(severity='warn') }}

-- A returned row is an object with more than a twentieth of its rows in quarantine: usually its source changed format.
-- What is left is published all the same; quarantine.<system>__<object> says what is wrong.
with data_intake as (
    select * from {{ ref('data_intake') }}
),

much_quarantined as (
    select
        system,
        object,
        landed_row_count,
        quarantined_row_count
    from data_intake
    where quarantined_row_count > 0.05 * landed_row_count
)

select * from much_quarantined
