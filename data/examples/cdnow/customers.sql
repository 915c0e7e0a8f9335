-- One row per customer; the first purchase is when the customer became one.
with lines as (
    select string_split_regex(trim(line), '\s+') as fields
    from read_csv(
        'CDNOW_master.txt', columns = {'line': 'VARCHAR'}, delim = '|', header = false, skip = 1, auto_detect = false
    )
)

select
    fields[1] as customer_ref,
    'person' as kind,
    min(cast(strptime(fields[2], '%Y%m%d') as date)) as created_at
from lines
group by fields[1]
order by fields[1]
