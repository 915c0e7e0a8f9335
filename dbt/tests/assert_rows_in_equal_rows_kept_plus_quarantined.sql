-- A returned row is an object of which rows were lost or doubled between landing and bronze.
select
    system,
    object,
    landed_row_count,
    kept_row_count,
    quarantined_row_count
from {{ ref('data_intake') }}
where landed_row_count <> kept_row_count + quarantined_row_count
