with fault_kinds as (
    select * from {{ ref('fault_kinds') }}
),

data_intake as (
    select * from {{ ref('data_intake') }}
),

quarantined as (
    {%- for name in bronze_contracts() %}
    {%- set system, object_name = name.split('__', 1) %}
    select
        '{{ system }}' as system,
        '{{ object_name }}' as object,
        column_name,
        reason as quoting_reason,
        source_file,
        source_line
    from {{ quarantine_of(name) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

-- The reason of a row quotes its values, which may be personal: its kind is looked up, and its own words stay behind.
signs_found as (
    select
        quoted.quoting_reason,
        fault_kinds.reason,
        fault_kinds.what_to_do,
        row_number() over (
            partition by quoted.quoting_reason
            order by position(fault_kinds.sign in quoted.quoting_reason), fault_kinds.sign
        ) as place
    from (select distinct quoting_reason from quarantined) as quoted
    inner join fault_kinds on position(fault_kinds.sign in quoted.quoting_reason) > 0
),

kinds as (
    select
        quoting_reason,
        reason,
        what_to_do
    from signs_found
    where place = 1
),

of_a_kind as (
    select
        quarantined.system,
        quarantined.object,
        quarantined.column_name,
        coalesce(kinds.reason, 'a reason that no rule names') as reason,
        coalesce(kinds.what_to_do, 'tell those who keep the pipeline') as what_to_do,
        quarantined.source_file,
        quarantined.source_line
    from quarantined
    left join kinds on quarantined.quoting_reason = kinds.quoting_reason
),

numbered as (
    select
        *,
        row_number() over (
            partition by system, object, column_name, reason, what_to_do
            order by source_file, source_line
        ) as place
    from of_a_kind
),

counted as (
    select
        system,
        object,
        column_name,
        reason,
        count(*) as row_count,
        max(case when place = 1 then source_file end) as source_file,
        max(case when place = 1 then source_line end) as source_line,
        what_to_do
    from numbered
    group by system, object, column_name, reason, what_to_do
),

with_share as (
    select
        counted.system,
        counted.object,
        counted.column_name,
        counted.reason,
        counted.row_count,
        cast(counted.row_count as double) / data_intake.landed_row_count as landed_row_share,
        counted.source_file,
        counted.source_line,
        counted.what_to_do
    from counted
    inner join data_intake on counted.system = data_intake.system and counted.object = data_intake.object
)

select * from with_share
