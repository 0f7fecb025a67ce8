"""The grammar of docs/reference: what parses, what does not, and what it costs."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agent.core.expression import (
    CALENDAR,
    MAX_CHARACTERS,
    MAX_DEPTH,
    MAX_LOOKBACK_S,
    MAX_NODES,
    Call,
    Function,
    Limit,
    Number,
    Operation,
    Operator,
    lookback_s,
    nodes,
    parse,
    series_of,
    text,
    uses_limit,
)
from agent.core.series import Series, series
from agent.errors import ExpressionError

X = Series("x")
LIMITED = (Function.SHARE_ABOVE, Function.SEASONAL_SHARE_ABOVE)
PLAIN = tuple(
    f
    for f in Function
    if f not in CALENDAR
    and f not in (*LIMITED, Function.QUANTILE, Function.PREDICT_LINEAR)
)


def number(value):
    return Number(value=value)


def operation(left, sign, right):
    return Operation(operator=Operator(sign), left=left, right=right)


@pytest.mark.parametrize(
    ("spelled", "expected"),
    [
        pytest.param("1", number(1.0), id="integer"),
        pytest.param("-.5e-3", number(-0.0005), id="exponent"),
        pytest.param(" $limit ", Limit(), id="limit"),
        pytest.param("hour_sin( )", Call(function=Function.HOUR_SIN), id="calendar"),
        pytest.param(
            "deriv(x[1.5h])",
            Call(function=Function.DERIV, series=X, span_s=5400.0),
            id="fraction-of-an-hour",
        ),
        pytest.param(
            'avg_over_time ( a.b{ k = "v" } [ 5m ] offset 1d )',
            Call(
                function=Function.AVG,
                series=series("a.b", k="v"),
                span_s=300.0,
                offset_s=86400.0,
            ),
            id="spaces-and-offset",
        ),
        pytest.param(
            "quantile_over_time(0.9, x[60s])",
            Call(
                function=Function.QUANTILE,
                series=X,
                span_s=60.0,
                argument=number(0.9),
            ),
            id="quantile-first",
        ),
        pytest.param(
            "predict_linear(x[1h], -60)",
            Call(
                function=Function.PREDICT_LINEAR,
                series=X,
                span_s=3600.0,
                argument=number(-60.0),
            ),
            id="seconds-last",
        ),
        pytest.param(
            "share_above(x[1h], $limit)",
            Call(
                function=Function.SHARE_ABOVE,
                series=X,
                span_s=3600.0,
                argument=Limit(),
            ),
            id="limit-last",
        ),
        pytest.param(
            "1 - 2 - 3",
            operation(operation(number(1.0), "-", number(2.0)), "-", number(3.0)),
            id="left-associative",
        ),
        pytest.param(
            "1+2*3",
            operation(number(1.0), "+", operation(number(2.0), "*", number(3.0))),
            id="product-first",
        ),
        pytest.param(
            "(1+2)/-3",
            operation(
                operation(number(1.0), "+", number(2.0)),
                "/",
                number(-3.0),
            ),
            id="parentheses",
        ),
    ],
)
def test_what_is_spelled_is_parsed(spelled, expected):
    assert parse(spelled) == expected


@pytest.mark.parametrize(
    ("spelled", "message"),
    [
        ("", 'column 1 of "": expected a number, a function, "$limit" or "(", got the'),
        ("1 +", "column 4 of"),
        ("1 2", 'column 3 of "1 2": expected an operator or the end, got "2"'),
        ("1)", 'expected an operator or the end, got ")"'),
        ("(1", 'expected an operator or ")", got the end'),
        ("+1", 'expected a number, a function, "$limit" or "(", got "+1"'),
        ("-deriv(x[1m])", 'expected a number, a function, "$limit" or "("'),
        ("1e999", "expected a finite number"),
        ("\u0663", "expected a number"),
        ("$limits", 'expected an operator or the end, got "s"'),
        ("x", 'column 1 of "x": expected a function of a span: write last_over_time('),
        ('x{a="b"} + 1', 'write last_over_time(x{a="b"}[1m])'),
        ("x[5m]", "expected a function of a span: write last_over_time(x[1m])"),
        ('x{a="b"', 'expected "," or "}", got the end'),
        ("avg_over_time(x)", 'expected "[" and a span: write x[1m], got ")"'),
        ("avg_over_time", 'column 14 of "avg_over_time": expected "(", got the end'),
        ("avg_over_time(3)", "expected a metric's name"),
        ("rate(x[1m])", 'column 1 of "rate(x[1m])": expected one of last_over_time, '),
        ("avg_over_time(x[])", 'expected a span such as "5m" (s, m, h, d), got "])"'),
        ("avg_over_time(x[5])", 'expected a span such as "5m"'),
        ("avg_over_time(x[-5m])", 'expected a span such as "5m"'),
        ("avg_over_time(x[5ms])", 'expected a span such as "5m"'),
        ("avg_over_time(x[0s])", "column 17 of"),
        ("avg_over_time(x[0s])", "expected a span above 0"),
        ("avg_over_time(x[5m)", 'expected "]", got ")"'),
        ("avg_over_time(x[5m] offset)", 'expected a span such as "5m"'),
        ("avg_over_time(x[5m], 1)", 'expected ")", got ", 1)"'),
        ("avg_over_time(x[5m] offset 8d)", "a call that reads back at most 8 d"),
        ("avg_over_time(x[1e999d])", "a call that reads back at most 8 d"),
        ("hour_sin(x)", 'expected ")", for hour_sin takes nothing, got "x)"'),
        ("quantile_over_time(x[5m])", "expected a quantile in 0..1, got"),
        ("quantile_over_time(1.1, x[5m])", "expected a quantile in 0..1"),
        ("quantile_over_time(0.5 x[5m])", 'expected ",", got "x[5m])"'),
        ("predict_linear(x[5m])", 'expected "," and the seconds ahead, got ")"'),
        ("predict_linear(x[5m], $limit)", 'expected the seconds ahead, got "$limit)"'),
        ("share_above(x[5m])", 'expected "," and a number or "$limit", got ")"'),
        ("share_above(x[5m], x)", 'expected a number or "$limit", got "x)"'),
    ],
)
def test_what_is_wrong_is_said_with_its_column(spelled, message):
    with pytest.raises(ExpressionError) as raised:
        parse(spelled)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("hostile", "message"),
    [
        ("1" * 1_000_000, f"at most {MAX_CHARACTERS} characters, got 1000000"),
        ("(" * 100 + "1" + ")" * 100, f"at most {MAX_DEPTH} parentheses"),
        ("(" * MAX_CHARACTERS, f"at most {MAX_DEPTH} parentheses"),
        ("1+" * 1000 + "1", f"at most {MAX_NODES} numbers"),
        ("deriv(x{" + 'a="b",' * 300, "an attribute such as"),
        ("deriv(x{" + " " * 2000, "an attribute such as"),
    ],
)
def test_a_hostile_text_is_refused(hostile, message):
    with pytest.raises(ExpressionError) as raised:
        parse(hostile)
    assert message in str(raised.value)
    assert len(str(raised.value)) < MAX_CHARACTERS + 200


def test_the_largest_that_parses_can_be_walked():
    deep = "(" * MAX_DEPTH + "1" + ")" * MAX_DEPTH
    long = "+".join(["1"] * (MAX_NODES // 2))
    assert parse(deep) == Number(value=1.0)
    assert len(list(nodes(parse(long)))) == MAX_NODES - 1
    assert parse(text(parse(long))) == parse(long)


def test_what_an_expression_reads():
    spelled = 'share_above(a{d="$entity"}[1h], $limit) / delta(b[5m] offset 2h) + 1'
    expression = parse(spelled)
    assert text(expression) == spelled
    assert series_of(expression) == {series("a", d="$entity"), Series("b")}
    assert lookback_s(expression) == 7500.0
    assert uses_limit(expression)


def test_a_clock_reads_nothing():
    expression = parse("hour_sin() * 2")
    assert (series_of(expression), lookback_s(expression)) == (frozenset(), 0.0)
    assert not uses_limit(expression)


@pytest.mark.parametrize(
    ("spelled", "canonical"),
    [
        ("avg_over_time(x[60m] offset 24h)", "avg_over_time(x[1h] offset 1d)"),
        ("avg_over_time(x[90s])", "avg_over_time(x[90s])"),
        ("avg_over_time(x[0.5s])", "avg_over_time(x[0.5s])"),
        ("((1 * (2 + 3)) - (4 - 5))", "1 * (2 + 3) - (4 - 5)"),
        ("1 / (2 * 3)", "1 / (2 * 3)"),
        ("2.50", "2.5"),
    ],
)
def test_the_canonical_spelling(spelled, canonical):
    assert text(parse(spelled)) == canonical


words = st.from_regex(r"[a-z_][a-z0-9_.]{0,8}", fullmatch=True)
all_series = st.builds(
    lambda name, attributes: series(name, **attributes),
    words,
    st.dictionaries(words, st.text(max_size=6), max_size=2),
)
numbers = st.builds(number, st.floats(allow_nan=False, allow_infinity=False))
spans = st.one_of(
    st.integers(1, 40).map(lambda n: n * 3600.0),
    st.floats(1e-6, MAX_LOOKBACK_S / 2),
)


def all_calls(functions, argument):
    return st.builds(
        Call,
        function=st.sampled_from(functions),
        series=all_series,
        span_s=spans,
        offset_s=st.just(0.0) | spans,
        argument=argument,
    )


leaves = st.one_of(
    numbers,
    st.just(Limit()),
    st.builds(Call, function=st.sampled_from(sorted(CALENDAR))),
    all_calls(PLAIN, st.none()),
    all_calls([Function.QUANTILE], st.builds(number, st.floats(0, 1))),
    all_calls([Function.PREDICT_LINEAR], numbers),
    all_calls(LIMITED, numbers | st.just(Limit())),
)
expressions = st.recursive(
    leaves,
    lambda inside: st.builds(
        Operation, operator=st.sampled_from(Operator), left=inside, right=inside
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=80)
@given(expressions)
def test_an_expression_is_what_its_spelling_parses_to(expression):
    spelled = text(expression)
    assume(len(spelled) <= MAX_CHARACTERS)
    assert parse(spelled) == expression


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet='x1.5mhd()[]{}+-*/$limit,"\\= \n', max_size=60))
def test_any_text_parses_or_is_refused(hostile):
    try:
        expression = parse(hostile)
    except ExpressionError:
        return
    assert parse(text(expression)) == expression
