"""A series and its spelling."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.series import Series, parse_series, read_series, series
from agent.errors import ExpressionError


def test_attributes_stand_in_the_order_of_their_keys():
    spelled = 'disk.io{ b = "2" , a="1",}'
    assert parse_series(spelled) == series("disk.io", b="2", a="1")
    assert str(parse_series(spelled)) == 'disk.io{a="1",b="2"}'


@pytest.mark.parametrize(
    ("spelled", "message"),
    [
        ("", 'column 1 of "": expected a metric\'s name, got the end'),
        ("1x", 'expected a metric\'s name, got "1x"'),
        ("x y", 'column 2 of "x y": expected the end, got " y"'),
        ("x{", 'expected an attribute such as device="sda", got the end'),
        ("x{a=b}", 'column 3 of "x{a=b}": expected an attribute'),
        ('x{a="b" c="d"}', 'column 9 of "x{a="b" c="d"}": expected "," or "}"'),
        ('x{a="b', "expected an attribute"),
    ],
)
def test_what_is_wrong_is_said_with_its_column(spelled, message):
    with pytest.raises(ExpressionError) as raised:
        parse_series(spelled)
    assert message in str(raised.value)


def test_a_series_within_a_text_ends_where_it_ends():
    assert read_series("f(a.b[5m])", 2) == (Series("a.b"), 5)
    assert read_series('x{a="}"}[5m]', 0) == (series("x", a="}"), 8)


def test_the_entity_is_filled_in_wherever_it_stands():
    template = series("x", a="$entity", b="1", c="$entity")
    assert template.is_template
    assert template.bound("sda") == series("x", a="sda", b="1", c="sda")
    assert not template.bound("sda").is_template
    assert Series("x").bound("sda") == Series("x")


@pytest.mark.parametrize(
    ("template", "other", "entity"),
    [
        (series("x", a="$entity"), series("x", a="sda"), "sda"),
        (series("x", a="$entity", b="1"), series("x", a="sda", b="1"), "sda"),
        (series("x", a="$entity", b="1"), series("x", a="sda", b="2"), None),
        (series("x", a="$entity"), series("y", a="sda"), None),
        (series("x", a="$entity"), series("x", b="sda"), None),
        (series("x", a="$entity"), series("x", a="sda", b="1"), None),
        (series("x", a="1"), series("x", a="1"), None),
    ],
)
def test_the_entity_for_which_a_template_is_a_series(template, other, entity):
    assert template.entity_in(other) == entity


@pytest.mark.parametrize(
    ("one", "column", "expected"),
    [
        (series("x"), series("x"), True),
        (series("x", a="1"), series("x", a="1"), True),
        (series("x", a="1"), series("x", a="2"), False),
        (series("x"), series("x", a="1"), False),
        (series("x", a="$entity"), series("x", a="sda"), True),
        (series("x", a="$entity"), series("x", a=""), True),
        (series("x", a="$entity"), series("y", a="sda"), False),
    ],
)
def test_a_series_stands_for_itself_and_for_its_entities(one, column, expected):
    assert one.stands_for(column) is expected


words = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_.]{0,10}", fullmatch=True)
names = st.builds(
    lambda name, attributes: series(name, **attributes),
    words.filter(lambda word: word != "name"),
    st.dictionaries(words.filter(lambda word: word != "name"), st.text(), max_size=3),
)


@settings(deadline=None, max_examples=100)
@given(names)
def test_a_series_is_what_its_spelling_parses_to(one):
    assert parse_series(str(one)) == one


@settings(deadline=None, max_examples=50)
@given(names, st.text())
def test_a_bound_template_tells_its_entity(one, entity):
    template = Series(one.name, (*one.attributes, ("zz", "$entity")))
    assert template.entity_in(template.bound(entity)) == entity
