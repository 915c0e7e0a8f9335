-- One row per record. The social-security number is left out: people are told apart by what any shop knows of them.
with records as (
    select
        trim(rec_id) as rec_id,
        nullif(trim(given_name), '') as given_name,
        nullif(trim(surname), '') as surname,
        nullif(trim(street_number), '') as street_number,
        nullif(trim(address_1), '') as address_1,
        nullif(trim(address_2), '') as address_2,
        nullif(trim(suburb), '') as suburb,
        nullif(trim(postcode), '') as postcode,
        nullif(trim(state), '') as state,
        -- A day that no calendar has, such as the 32nd, is no date.
        cast(try_strptime(trim(date_of_birth), '%Y%m%d') as date) as birth_date
    from read_csv('dataset3.csv', all_varchar = true)
)

select
    rec_id as customer_ref,
    'person' as kind,
    nullif(concat_ws(' ', given_name, surname), '') as name,
    nullif(concat_ws(' ', street_number, address_1, address_2), '') as address_line,
    suburb as city,
    postcode as postal_code,
    'AU' as country,
    -- The layout knows no births before 1900.
    if(year(birth_date) >= 1900, birth_date, null) as birth_date,
    '2024-01-01' as created_at,
    state
from records
