-- A returned row is an object whose rows in quarantine are not those of its reasons.
with reasons as (
    select
        system,
        object,
        sum(row_count) as row_count
    from {{ ref('quarantine_reasons') }}
    group by system, object
),

differing as (
    select
        data_intake.system,
        data_intake.object,
        data_intake.quarantined_row_count,
        reasons.row_count
    from {{ ref('data_intake') }} as data_intake
    left join reasons on data_intake.system = reasons.system and data_intake.object = reasons.object
    where data_intake.quarantined_row_count <> coalesce(reasons.row_count, 0)
)

select * from differing
