{{ config(severity='warn') }}

-- A returned row is an object of which more than a twentieth is in quarantine: usually a source that changed its format.
-- What is left is published all the same; quarantine.<system>__<object> says what is wrong.
with data_intake as (
    select * from {{ ref('data_intake') }}
),

much_quarantined as (
    select *
    from data_intake
    where quarantined_row_count > 0.05 * landed_row_count
)

select * from much_quarantined
