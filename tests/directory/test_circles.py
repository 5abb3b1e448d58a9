import pytest

from entitlements.directory.sync.circles import circle_members, links_in_circles, settled_above


@pytest.mark.parametrize(
    ("above", "expected"),
    [
        ({}, ""),
        ({"a": "b", "b": "c", "c": None}, ""),
        ({"a": "b", "b": "x"}, ""),
        ({"a": "a"}, "a"),
        ({"a": "b", "b": "a"}, "ab"),
        ({"x": "a", "a": "b", "b": "c", "c": "a", "y": "x"}, "abc"),
        ({"a": "b", "b": "a", "c": "d", "d": "c", "e": "c"}, "abcd"),
    ],
)
def test_members_of_circles_are_found(above, expected):
    assert circle_members(above) == set(expected)


def test_a_chain_of_any_length_is_followed():
    long = {number: number + 1 for number in range(100_000)}

    assert circle_members(long) == set()
    assert circle_members({**long, 100_000: 50_000}) == set(range(50_000, 100_001))


def test_without_a_circle_everything_is_as_wanted():
    wanted = {"a": "b", "b": None}

    assert settled_above(wanted, {"a": None}) == (wanted, set())


def test_members_of_a_circle_keep_what_is_stored():
    settled, refused = settled_above(
        {"a": "b", "b": "a", "c": "a"}, {"a": "b", "b": None, "c": None}
    )

    assert settled == {"a": "b", "b": None, "c": "a"}
    assert refused == {"a", "b"}


def test_what_is_stored_does_not_close_another_circle():
    settled, refused = settled_above(
        {"a": "b", "b": "a", "c": "a"}, {"a": "c", "b": None, "c": None}
    )

    assert settled == {"a": "c", "b": None, "c": None}
    assert refused == {"a", "b", "c"}


def test_a_circle_that_is_stored_already_is_opened():
    settled, refused = settled_above({"a": "b", "b": "a"}, {"a": "b", "b": "a"})

    assert settled == {"a": None, "b": None}
    assert refused == {"a", "b"}


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        ([], []),
        (["ab", "bc", "ac"], []),
        (["aa"], ["aa"]),
        (["ab", "ba"], ["ab", "ba"]),
        (["ab", "bc", "ca", "cd", "xa"], ["ab", "bc", "ca"]),
        (["ab", "bc", "cb", "cd", "dc", "de"], ["bc", "cb", "cd", "dc"]),
    ],
)
def test_links_that_are_part_of_a_circle_are_found(links, expected):
    assert links_in_circles(tuple(link) for link in links) == {tuple(link) for link in expected}


def test_links_of_any_depth_are_followed():
    long = [(number, number + 1) for number in range(100_000)]

    assert links_in_circles(long) == set()
    assert len(links_in_circles([*long, (100_000, 0)])) == 100_001
