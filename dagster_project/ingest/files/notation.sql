-- What texts of dropped files mean, as DuckDB macros: numbers, currency signs and dates, each as far as it is certain.
-- How a column is read by what is certain in it is in plain_rows.py.

-- Without unusual blanks, dashes and apostrophes.
create macro tidy(written) as
    trim(translate(written, chr(160) || chr(8239) || chr(8201) || '−’', '   -'''));

create macro is_plain_number(written) as
    regexp_full_match(trim(written), '[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?');

create macro currency_sign() as '[A-Z]{0,2}[$]|[€£¥₹₩₺₫]|zł|Kč|kr|Fr[.]|[A-Z]{3}';

-- A number with what may stand around it; all parts are empty when a text is none.
create macro number_parts(written) as regexp_extract(
    tidy(written),
    '^([(]?)([+-]?) *(' || currency_sign() || ')? *([+(-]?)([0-9](?:[0-9.,'' ]*[0-9.,])?|[.,][0-9]+) *('
    || currency_sign() || ')? *(-?)([)]?)$',
    ['opening', 'sign', 'unit', 'inner_sign', 'digits', 'unit_behind', 'sign_behind', 'closing']
);

-- Which mark the digits have before their decimals, as far as they alone can tell.
create macro decimal_mark(digits) as case
    when regexp_full_match(trim(digits), '[0-9]+|[0-9]{1,3}([ ''][0-9]{3})+') then 'none'
    when regexp_full_match(digits, '[1-9][0-9]{0,2},[0-9]{3}') then 'comma or thousands'
    when regexp_full_match(digits, '[1-9][0-9]{0,2}[.][0-9]{3}') then 'point or thousands'
    when
        regexp_full_match(
            digits, '([0-9]*|[0-9]{1,3}(,[0-9]{3})+|[0-9]{1,2}(,[0-9]{2})+,[0-9]{3}|[0-9]{1,3}([ ''][0-9]{3})+)[.][0-9]*'
        )
        or regexp_full_match(digits, '[0-9]{1,3}(,[0-9]{3}){2,}|[0-9]{1,2}(,[0-9]{2})+,[0-9]{3}')
        then 'point'
    when
        regexp_full_match(digits, '([0-9]*|[0-9]{1,3}([.][0-9]{3})+|[0-9]{1,3}([ ''][0-9]{3})+),[0-9]*')
        or regexp_full_match(digits, '[0-9]{1,3}([.][0-9]{3}){2,}')
        then 'comma'
end;

create macro has_one_sign(parts) as
    ('(' in (parts.opening, parts.inner_sign)) = (parts.closing = ')')
    and length(parts.opening || parts.sign || parts.inner_sign || parts.sign_behind) <= 1;

create macro plain_number(parts, mark) as
    if(parts.closing = ')' or '-' in (parts.sign, parts.inner_sign, parts.sign_behind), '-', '')
    || replace(translate(parts.digits, if(mark = 'comma', '. ''', ', '''), ''), ',', '.');

create macro has_unit(parts) as parts.unit || parts.unit_behind <> '';

-- What a currency sign may stand for; three capital letters stand for themselves.
create macro currencies_of(unit) as case unit
    when '$' then ['USD', 'CAD', 'AUD', 'NZD', 'SGD', 'HKD', 'MXN', 'ARS', 'CLP', 'COP']
    when '€' then ['EUR']
    when '£' then ['GBP']
    when '¥' then ['JPY', 'CNY']
    when '₹' then ['INR']
    when '₩' then ['KRW']
    when '₺' then ['TRY']
    when '₫' then ['VND']
    when 'US$' then ['USD']
    when 'C$' then ['CAD']
    when 'CA$' then ['CAD']
    when 'A$' then ['AUD']
    when 'AU$' then ['AUD']
    when 'NZ$' then ['NZD']
    when 'HK$' then ['HKD']
    when 'S$' then ['SGD']
    when 'MX$' then ['MXN']
    when 'R$' then ['BRL']
    when 'zł' then ['PLN']
    when 'Kč' then ['CZK']
    when 'kr' then ['SEK', 'NOK', 'DKK', 'ISK']
    when 'Fr.' then ['CHF']
    else [unit]
end;

create macro possible_currencies(parts) as case
    when parts.unit_behind = '' then currencies_of(parts.unit)
    when parts.unit = '' then currencies_of(parts.unit_behind)
    else list_intersect(currencies_of(parts.unit), currencies_of(parts.unit_behind))
end;

-- What DuckDB's own cast reads.
create macro is_iso_date(written) as regexp_full_match(
    trim(written),
    '[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}'
    || '([T ][0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?)?'
);

create macro month_name() as
    '(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?'
    || '|Nov(?:ember)?|Dec(?:ember)?)';

create macro month_number(written) as list_position(
    ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'],
    regexp_extract(written, month_name())[1:3]
);

-- Year, month and day where a text says which is which: digits alone, points, names of months.
create macro dated(written) as case
    when regexp_full_match(written, '(19|20)[0-9]{6}') then regexp_replace(written, '(....)(..)(..)', '\1-\2-\3')
    when regexp_matches(written, '^[0-9]{4}[.]')
        then regexp_replace(written, '^([0-9]+)[.]([0-9]{1,2})[.]([0-9]{1,2})', '\1-\2-\3')
    when regexp_matches(written, '^[0-9]{1,2}[.][0-9]')
        then regexp_replace(written, '^([0-9]+)[.]([0-9]{1,2})[.]([0-9]{4})', '\3-\2-\1')
    when regexp_matches(written, '^[0-9]{1,2}[-/. ]+' || month_name() || '[-/., ]+[0-9]{4}')
        then regexp_replace(
            written,
            '^([0-9]+)[-/. ]+' || month_name() || '[-/., ]+([0-9]{4})',
            '\2-' || month_number(written) || '-\1'
        )
    when regexp_matches(written, '^' || month_name() || '[. ]+[0-9]{1,2}(st|nd|rd|th)?,? +[0-9]{4}')
        then regexp_replace(
            written,
            '^' || month_name() || '[. ]+([0-9]+)(?:st|nd|rd|th)?,? +([0-9]{4})',
            '\2-' || month_number(written) || '-\1'
        )
    else written
end;

create macro day_and_month() as '^([0-9]{1,2})[-/]([0-9]{1,2})[-/]([0-9]{4})';

create macro day_order(written) as case
    when not regexp_matches(written, day_and_month()) then null
    when regexp_extract(written, day_and_month(), 1) = regexp_extract(written, day_and_month(), 2) then null
    when cast(regexp_extract(written, day_and_month(), 1) as int) > 12 then 'day first'
    when cast(regexp_extract(written, day_and_month(), 2) as int) > 12 then 'month first'
    else 'either'
end;

-- One blank before the time, none before an offset, and seconds where an offset follows.
create macro spaced(written) as regexp_replace(
    regexp_replace(
        regexp_replace(
            regexp_replace(written, '^([0-9]+[-/][0-9]+[-/][0-9]+)(?:, *| +|T)([0-9])', '\1 \2'),
            '([0-9]) *(UTC|GMT)$', '\1Z'
        ),
        '([0-9]) +([+-][0-9]{2}:?[0-9]{2})$', '\1\2'
    ),
    '^([^ ]+ [0-9]{1,2}:[0-9]{2})(Z|[+-][0-9]{2}:?[0-9]{2})$', '\1:00\2'
);

create macro twelve_hours() as '^(.*[0-9]),? +([0-9]{1,2}(?::[0-9]{2}){1,2}) ?([AaPp])[.]?[Mm][.]?$';

create macro timed(written) as if(
    regexp_matches(written, twelve_hours()),
    regexp_extract(written, twelve_hours(), 1) || ' ' || coalesce(
        strftime(
            try_strptime(
                regexp_extract(written, twelve_hours(), 2)
                || ' ' || upper(regexp_extract(written, twelve_hours(), 3)) || 'M',
                ['%I:%M %p', '%I:%M:%S %p']
            ),
            '%H:%M:%S'
        ),
        '?'
    ),
    spaced(written)
);

create macro plain_date(written, is_month_first) as timed(
    regexp_replace(dated(tidy(written)), day_and_month(), if(is_month_first, '\3-\1-\2', '\3-\2-\1'))
);
