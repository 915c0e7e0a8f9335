{{ config(severity='warn') }}

-- A returned row is a record that no rule knows a reason for.
select
    system,
    object,
    source_ref
from {{ ref('left_out_rows') }}
where reason = 'no rule says why'
