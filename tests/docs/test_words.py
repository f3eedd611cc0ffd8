"""The word check finds what it should, and nothing in plain text."""

import runpy
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "check_words.py"
CHECK = runpy.run_path(str(SCRIPT))

PLAIN = '''
def sample(count: int) -> int:
    """Return samples.

    Args:
        count: Number of samples, or None.

    Returns:
        (N, d), float32.
    """
    # The file is in the run folder; `told` is a recorded key, and --beside a flag.
    return count
'''


EXAMPLES = """
told/said/asked of/whence/anew/of the user's/ails/means nothing/doubtful/manner/aware/judged
many draws/each draw/looks at the validation/the generator's moves/what comes out/a person
one's own/grave/worked on/puts them all through/beside/borne/lies/tells the two apart
tells the real from/what puts/asked for a/by heart/of its own/comes to/stands for/going on with
broke off/nought/optimiser/initialise
"""
"""One for each pattern of WORDS, in their order."""


@pytest.mark.parametrize(
    ("pattern", "example"),
    list(zip(CHECK["WORDS"], EXAMPLES.strip().replace("\n", "/").split("/"), strict=True)),
)
def test_each_pattern_finds_its_example(pattern, example):
    found = [better for _, _, better in CHECK["check_text"](f"It is {example} it.", 1)]
    assert found == [CHECK["WORDS"][pattern]]


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        ("Return samples.", "Return what the network said.", "said"),
        ("Return samples.", "Samples of the model.", "docstring of sample: Samples"),
        ("Number of samples, or None.", "How many are drawn.", "How ..."),
        ("Number of samples, or None.", "Whether it is known.", "Whether ..."),
        ("Number of samples, or None.", "number of samples.", "number ..."),
        ("(N, d), float32.", "Where it is.", "Where ..."),
        ("The file is in", "The file lies in", "lies"),
        ("def sample(", "def drawn(", "def drawn"),
        ("return count", "raise ValueError('a grave error')", "grave"),
        ("return count", "doubt = count", "doubt"),
    ],
)
def test_every_place_is_checked(before, after, word):
    assert not list(CHECK["check_python"](PLAIN))
    assert before in PLAIN
    found = [each[1] for each in CHECK["check_python"](PLAIN.replace(before, after, 1))]
    assert word in found


def test_code_in_markdown_is_left_out():
    assert not list(CHECK["check_text"]("Plain.\n\n```\ntold\n```\n\nThe key `told`.\n", 1))
    found = list(CHECK["check_text"]("Plain.\n\nIt is told.\n", 1))
    assert [each[:2] for each in found] == [(3, "told")]


def test_recorded_text_stays_as_it_was_recorded():
    text = 'TEXT = "numbers that are told"\nStudy(protocol=TEXT + " beside them")\n'
    assert not list(CHECK["check_python"](text))
    assert list(CHECK["check_python"](text.replace("protocol", "title")))
