-- A returned row is an object of which rows were lost between bronze and gold, or counted twice.
select
    system,
    object,
    kept_row_count,
    reached_row_count,
    left_out_row_count
from {{ ref('data_intake') }}
where kept_row_count <> reached_row_count + left_out_row_count
