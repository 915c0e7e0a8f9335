{#
  What Stripe nests into a subscription: items, tiers, discounts, tax rates. What only DuckDB knows of JSON and lists is
  here, so that no model needs it.
#}

{# The parts of a JSON list, as a list; none where there is no such list. #}
{% macro json_parts(text, path) -%}
if(json_valid({{ text }}), json_extract({{ text }}, '{{ path }}'), cast([] as json[]))
{%- endmacro %}

{# The id of a nested object, whether it is written out or is its id alone. #}
{% macro nested_id(object, path) -%}
coalesce(json_extract_string({{ object }}, '{{ path }}.id'), json_extract_string({{ object }}, '{{ path }}'))
{%- endmacro %}

{# A number inside a JSON object. #}
{% macro json_number(object, path, type='decimal(28, 12)') -%}
try_cast(json_extract_string({{ object }}, '{{ path }}') as {{ type }})
{%- endmacro %}

{# A moment inside a JSON object, which Stripe writes in unix seconds. #}
{% macro json_moment(object, path) -%}
make_timestamp({{ json_number(object, path, 'bigint') }} * 1000000)
{%- endmacro %}

{# What an object says for one currency: its own words when they are in it, else those for further currencies. #}
{% macro in_currency(object, currency) -%}
if(
            coalesce(lower(json_extract_string({{ object }}, '$.currency')), lower({{ currency }})) = lower({{ currency }}),
            cast({{ object }} as json),
            json_extract({{ object }}, '$.currency_options.' || lower({{ currency }}))
        )
{%- endmacro %}

{# The amount that a discount takes off, in the smallest unit of the currency of its row; none in another currency. #}
{% macro amount_off(discount) -%}
{{ json_number(in_currency("json_extract(" ~ discount ~ ", '$.coupon')", 'currency'), '$.amount_off', 'decimal(16, 0)') }}
{%- endmacro %}

{# Whether a discount is written out: one that is only named, or that is in another currency, says nothing. #}
{% macro says_its_terms(discount) -%}
coalesce({{ json_number(discount, '$.coupon.percent_off') }}, {{ amount_off(discount) }}) is not null
{%- endmacro %}

{#
  Discounts written out, as a list of their terms in the order in which they are applied. Amounts are in the currency of
  the subscription; a coupon for other products takes nothing off. At `ends_at`, if it is given, all of them have ended.
#}
{% macro discount_terms(discounts, product_ref, ends_at='null') -%}
list_transform(
    list_filter(
        {{ discounts }},
        lambda discount:
            coalesce(
                list_contains(json_extract_string(discount, '$.coupon.applies_to.products[*]'), {{ product_ref }})
                or len(json_extract_string(discount, '$.coupon.applies_to.products[*]')) = 0,
                true
            )
    ),
    lambda discount: {
        'coupon_ref': coalesce({{ nested_id('discount', '$.coupon') }}, json_extract_string(discount, '$.id')),
        'percent': {{ json_number('discount', '$.coupon.percent_off', 'decimal(9, 4)') }},
        'amount': cast({{ amount_off('discount') }} * _minor_unit as decimal(18, 2)),
        'duration': json_extract_string(discount, '$.coupon.duration'),
        'started_at': {{ json_moment('discount', '$.start') }},
        'ends_at': least({{ json_moment('discount', '$.end') }}, {{ ends_at }})
    }
)
{%- endmacro %}

{#
  What a discount leaves of an amount on a day; a coupon for one bill is no recurring discount. A bill rounds the
  discount half a cent up, so what is left is rounded half a cent down. The amount stands here once: DuckDB writes an
  alias out wherever it is used, and eight discounts that each name the one before twice would fill the memory.
#}
{% macro left_after(amount, discount, day) -%}
{%- set is_in_force -%}
coalesce({{ discount }}['duration'], 'forever') <> 'once'
        and coalesce({{ day }} >= {{ discount }}['started_at'], true)
        and coalesce({{ day }} < {{ discount }}['ends_at'], true)
{%- endset -%}
cast(greatest(
    ceil({{ amount }} * (100 - if({{ is_in_force }}, coalesce({{ discount }}['percent'], 0), 0)) - 0.5)
    * cast(0.01 as decimal(3, 2))
    - if({{ is_in_force }} and {{ discount }}['percent'] is null, coalesce({{ discount }}['amount'], 0), 0),
    0
) as decimal(18, 2))
{%- endmacro %}
