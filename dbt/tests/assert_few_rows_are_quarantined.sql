{{ config(severity='warn') }}

-- A returned row is an object of which more than a twentieth is in quarantine: usually a source that changed its format.
-- What is left is published all the same; quarantine.<system>__<object> says what is wrong.
with data_intake as (
    select * from {{ ref('data_intake') }}
)

select
    system,
    object,
    landed_row_count,
    quarantined_row_count
from data_intake
where quarantined_row_count > 0.05 * landed_row_count
