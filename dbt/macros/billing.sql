{# What bills and product ownership say of a subscription. Not here: its recurring revenue (`revenue`). #}

{# Product of a subscription: the source's own, or its plan where the source knows no products. #}
{% macro subscribed_product_id(terms) -%}
    {{ terms }}.system || ':' || coalesce({{ terms }}.product_ref, {{ terms }}.plan)
{%- endmacro %}

{# End of a service that is billed for one interval of the terms. #}
{% macro end_of_interval(begins_at, billing_interval, interval_count) -%}
    {{ begins_at }} + case {{ billing_interval }}
        when 'year' then to_months(12 * cast({{ interval_count }} as integer))
        when 'week' then to_days(7 * cast({{ interval_count }} as integer))
        when 'day' then to_days(cast({{ interval_count }} as integer))
        else to_months(cast({{ interval_count }} as integer))
    end
{%- endmacro %}

{# Kinds of transaction that give money back: none of them is a purchase or a bill. #}
{% macro gives_back(kind) -%}
    {{ kind }} in ('refund', 'chargeback', 'credit_note')
{%- endmacro %}

{# A status of a dropped subscription that says that nothing is paid (any more, at the moment, or yet). #}
{% macro is_over(status) -%}
    coalesce(lower(trim({{ status }})) in (
        'canceled', 'cancelled', 'expired', 'ended', 'terminated', 'churned', 'closed', 'inactive', 'deleted',
        'paused', 'suspended', 'on_hold', 'on hold', 'incomplete', 'incomplete_expired', 'trial', 'trialing'
    ), false)
{%- endmacro %}
