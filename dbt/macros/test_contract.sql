{#
  What a table's contract says of its rows, counted in one query: a row per rule that is broken, with how often.

  The rules stand where the contract has them: the key in `config.meta.grain`, columns without gaps in `constraints`
  (where dbt enforces the contract, DuckDB does it), allowed values in a column's `config.meta.accepted`.

  also_unique: further lists of columns that no two rows share.
  references: by column, the table (`to`) and its column (`field`) in which each value is found.
#}
{% test contract(model, also_unique=[], references={}) %}
    {%- set contract = {} -%}
    {%- if execute -%}
        {%- for node in graph.nodes.values() if node.resource_type in ('model', 'seed') and node.name == model.name -%}
            {%- do contract.update(node) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- set rules = [] -%}
    {%- for column in contract.get('columns', {}).values() -%}
        {%- if column.constraints and not contract.config.contract.enforced -%}
            {%- do rules.append((column.name ~ ' is empty', column.name ~ ' is null')) -%}
        {%- endif -%}
        {%- set accepted = column.config.meta.accepted -%}
        {%- if accepted -%}
            {%- set values = [] -%}
            {%- for value in accepted -%}
                {%- do values.append(dbt.string_literal(value) if value is string else value | string) -%}
            {%- endfor -%}
            {%- do rules.append((
                column.name ~ ' is none of ' ~ accepted | join(', '),
                column.name ~ ' not in (' ~ values | join(', ') ~ ')'
            )) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set counted = [] -%}
    {%- for words, condition in rules -%}
        {%- do counted.append("select " ~ dbt.string_literal(words) ~ " as broken_rule, rule_" ~ loop.index
            ~ " as row_count from rows_against_a_rule") -%}
    {%- endfor -%}
    {%- for key in ([contract.config.meta.grain] if contract and contract.config.meta.grain else []) + also_unique -%}
        {%- do counted.append(
            "select " ~ dbt.string_literal("rows share " ~ key | join(', ')) ~ " as broken_rule, count(*) as row_count"
            ~ " from (select 1 from " ~ model ~ " group by " ~ key | join(', ') ~ " having count(*) > 1) as shared_keys"
        ) -%}
    {%- endfor -%}
    {%- for column, referred in references.items() -%}
        {%- do counted.append(
            "select " ~ dbt.string_literal(column ~ " is not in " ~ referred.to.name) ~ " as broken_rule, count(*) as row_count"
            ~ " from " ~ model ~ " as referring left join " ~ referred.to ~ " as referred on referring." ~ column
            ~ " = referred." ~ referred.field ~ " where referring." ~ column ~ " is not null and referred."
            ~ referred.field ~ " is null"
        ) -%}
    {%- endfor -%}
    {%- if rules -%}
    with rows_against_a_rule as (
        select
            {% for words, condition in rules -%}
            count(*) filter (where {{ condition }}) as rule_{{ loop.index }}{{ ',' if not loop.last }}
            {% endfor %}
        from {{ model }}
    )
    {% endif %}
    select broken_rule, row_count
    from (
        {{ counted | join('\n        union all\n        ') }}
    ) as counted
    where row_count > 0
{% endtest %}
