{# The stages in the life of a customer. Their words for people stand in the seed `lifecycle_stages`. #}

{# So long a customer is new, or reactivated. #}
{% macro new_customer_days() -%}
    90
{%- endmacro %}

{# A buyer without a subscription is active for so long after a purchase ... #}
{% macro active_buyer_days() -%}
    180
{%- endmacro %}

{# ... and has churned after so long without one. #}
{% macro lost_buyer_days() -%}
    365
{%- endmacro %}

{#
  The stage on a day. Who ever paid for a subscription is judged by subscriptions alone, everybody else by purchases.
  Reads of its relation: date, the counts paying, notice, paused, trial and free, and the dates first_paid_date,
  subscribed_since_date, first_purchase_date, last_purchase_date and comeback_date.
#}
{% macro lifecycle_stage() -%}
    case
        when paying > 0 and notice > 0 then 'at_risk'
        when
            paying > 0 and subscribed_since_date > first_paid_date
            and date - subscribed_since_date < {{ new_customer_days() }} then 'reactivated'
        when paying > 0 and date - first_paid_date < {{ new_customer_days() }} then 'new'
        when paying > 0 then 'active'
        when paused > 0 then 'paused'
        when trial > 0 then 'trial'
        when first_paid_date is not null then 'churned'
        when free > 0 and last_purchase_date is null then 'free'
        when last_purchase_date is null then 'lead'
        when date - last_purchase_date > {{ lost_buyer_days() }} then 'churned'
        when date - last_purchase_date > {{ active_buyer_days() }} then 'at_risk'
        when date - comeback_date < {{ new_customer_days() }} then 'reactivated'
        when date - first_purchase_date < {{ new_customer_days() }} then 'new'
        else 'active'
    end
{%- endmacro %}
