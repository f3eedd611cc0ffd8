"""Words become members once, at the edge; mistakes become one sentence."""

import sys

import pytest

from immersion.check import UserError, check_choice
from immersion.likelihoods import LIKELIHOODS
from immersion.nn import NETWORKS
from immersion.recipes import RECIPES
from immersion.registry import Registry


@pytest.fixture
def family(tmp_path, monkeypatch):
    """A package of two modules, each of which registers a member, and its registry."""
    package = tmp_path / "some_family"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "base.py").write_text(
        "from immersion.registry import Registry\nTHINGS = Registry('thing', 'some_family')\n"
    )
    for name in ("apple", "kiwi"):
        (package / f"{name}.py").write_text(
            "from some_family.base import THINGS\n"
            f"@THINGS.register({name!r})\ndef grow():\n    return {name!r}\n"
        )
    monkeypatch.syspath_prepend(tmp_path)
    from some_family.base import THINGS

    yield THINGS
    for name in [name for name in sys.modules if name.startswith("some_family")]:
        del sys.modules[name]


@pytest.mark.parametrize("ask", [len, sorted, lambda r: r["kiwi"]])
def test_members_are_found_at_first_use(family, ask):
    assert "some_family.kiwi" not in sys.modules
    ask(family)
    assert "some_family.kiwi" in sys.modules
    assert sorted(family) == ["apple", "kiwi"]
    assert "kiwi" in family
    assert "plum" not in family
    assert len(family) == 2
    assert family["kiwi"]() == "kiwi"
    assert all(member() == name for name, member in family.items())


def test_the_error_for_an_unknown_word_lists_the_choices_and_the_nearest(family):
    with pytest.raises(UserError) as error:
        family["aple"]
    assert str(error.value) == (
        "unknown thing: expected one of apple, kiwi, received 'aple'; did you mean 'apple'."
    )


def test_no_two_members_share_a_name(family):
    len(family)
    with pytest.raises(ValueError, match="two things are called 'kiwi'"):
        family.register("kiwi")(print)
    assert family["kiwi"]() == "kiwi"


def test_register_hands_the_member_back():
    registry = Registry("thing", "immersion")

    def member():
        return 1

    assert registry.register("a")(member) is member


@pytest.mark.parametrize(
    ("registry", "some"),
    [
        (LIKELIHOODS, {"bernoulli", "gaussian", "student-t", "negative-binomial"}),
        (NETWORKS, {"dense", "conv", "residual"}),
        (RECIPES, {"vae", "ae", "linear-ae"}),
    ],
)
def test_the_families_of_the_package(registry, some):
    assert some <= set(registry)
    assert all(name == name.lower() and "_" not in name for name in registry)


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        (("all is lost",), "all is lost."),
        (("the batch", "at most 60", 100), "the batch: expected at most 60, received 100."),
        (("the batch", "", 0), "the batch: received 0."),
        (("the batch", 0), "the batch: expected 0."),
        (("it broke", "", "", "mend it"), "it broke; mend it."),
        (("a", "b", "c", "d"), "a: expected b, received c; d."),
    ],
)
def test_an_error_is_one_sentence(parts, sentence):
    assert str(UserError(*parts)) == sentence
    assert isinstance(UserError(*parts), ValueError)


def test_choice_returns_the_word_or_tells_the_choices():
    assert check_choice("colour", "red", ["red", "green"]) == "red"
    with pytest.raises(UserError) as error:
        check_choice("colour", "grean", iter(["red", "green"]))
    assert "one of green, red, received 'grean'; did you mean 'green'" in str(error.value)
    with pytest.raises(UserError) as error:
        check_choice("colour", "zzz", ["red", "green"])
    assert str(error.value) == "unknown colour: expected one of green, red, received 'zzz'."
