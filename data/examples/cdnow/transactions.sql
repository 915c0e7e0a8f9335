-- One row per line of the file, which has no key of its own: the line's number is the reference.
with lines as (
    select
        row_number() over () as line_number,
        string_split_regex(trim(line), '\s+') as fields
    from read_csv(
        'CDNOW_master.txt', columns = {'line': 'VARCHAR'}, delim = '|', header = false, skip = 1, auto_detect = false
    )
)

select
    'cdnow-' || lpad(cast(line_number as varchar), 5, '0') as transaction_ref,
    fields[1] as customer_ref,
    cast(strptime(fields[2], '%Y%m%d') as date) as occurred_at,
    cast(fields[4] as decimal(18, 2)) as amount,
    'USD' as currency,
    'paid' as status,
    'order' as kind,
    fields[3] as number_of_cds
from lines
