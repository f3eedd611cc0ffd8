"""Check that code and documents use the project's words: `check_words.py [PATH...]`.

Each finding is one line, `file:line: word -> replacement`. `--count` prints the number of findings
in each folder instead. The exit code is 1 where there are findings.
"""

import ast
import io
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


def words(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


Finding = tuple[str, int, str, str]
"""File, line, word found, replacement."""

WORDS = {
    r"told|untold": "stated, reported or described",
    r"said": "stated, or the prediction",
    r"asked of|asked for by": "options for, requested",
    r"whence|wherefrom|thither|hither": "where ... from, there",
    r"anew": "again",
    r"of (?:the|a) user's": "your own, or the user's ...",
    r"ails": "is wrong with (diagnose)",
    r"means? nothing|meaning nothing": "is invalid (Validate)",
    r"doubts?|doubtful|doubted": "uncertainty, uncertain",
    r"manners?": "options",
    r"(?<!noise[-_ ])aware": "noise-aware, or conditioned on",
    r"judges?|judged|judging": "evaluate, metric",
    r"(?:the|these|those|of|many|more|several|few|two|three|all|both|its|their|same|independent"
    r"|other|fresh|single|\d+) draws": "samples",
    r"(?:a|each|every|one|another|per|single) draw": "sample",
    r"looks? at the validation|validation looks?": "validates, validation passes",
    r"(?:player|optimizer|generator|discriminator|optimi[sz]er)(?:'s)? moves?": "update steps",
    r"what (?:goes|go|went) in(?:to it)?|what (?:comes|came) out": "input, output",
    r"persons?|a person's": "the user",
    r"one's own": "your own",
    r"grave|gravely": "severe",
    r"worked on": "processed",
    r"put(?:s|ting)? (?:\w+ ){0,3}through": "apply ... to, process",
    r"beside": "next to, or compared with",
    r"bears?|borne": "support, have",
    r"lies": "is",
    r"(?:tells?|telling) (?:\w+ ){0,2}apart": "distinguish",
    r"(?:tells?|telling) (?:\w+ ){1,5}from": "distinguish",
    r"what (?:puts|keeps|stands)": "a noun phrase",
    r"asked for a": "requested, or an adjective",
    r"by heart": "memorise, overfit",
    r"of (?:its|their) own": "its own ...",
    r"comes? to": "is, equals",
    r"stands? for": "means, represents",
    r"(?:goes|go|going|gone|went) on(?: with)?": "resume, continue",
    r"(?:broken|breaks?|broke) off": "interrupt, stop",
    r"nought": "zero",
    r"\w*optimis\w+": "optimiz...",
    r"initialis\w+": "initializ...",
}
"""Patterns of whole words that the project does not use, each with what to write instead."""

NAME_WORDS = words(
    """
    told said whence anew ails doubt doubts manner judge judges judged judging grave heart
    nought person persons optimiser optimisers
    """
)
"""Words that no function, class, argument or variable has in its name."""

PARTICIPLES = words(
    """
    begun born bound bought broken brought built caught chosen come cut dealt done drawn fallen
    felt forgotten found given gone grown held hidden kept known laid left lent lost made meant
    met paid proven risen said seen sent set shown spent spoken sprung taken thought told torn
    understood woken won worn written
    """
)
NO_PARTICIPLES = words(
    """
    embed exceed feed need proceed seed set shed speed reseed squared
    """
)
"""Verbs and nouns that look like participles."""

PARTICIPLE_NAMES = frozenset({"interrupted"})
"""Functions that may have the name of a participle: they answer yes or no, or are a context."""

NO_FIRST = words(
    """
    Of What How Where Them Its Their Whence
    """
)
"""First words that an argument's or a return value's line does not have."""

SYMBOLS = words("alpha beta gamma delta lambda mu nu rho sigma tau log exp sqrt sg")
"""Mathematics that a line may begin with."""

VERBS = words(
    """
    Accept Accumulate Add Adjust Advance Aggregate Align Allocate Allow Alternate Append Apply
    Approximate Arrange Assemble Assert Assign Attach Augment Average Begin Bind Block Blur
    Bound Broadcast Build Cache Calibrate Call Cancel Capture Center Centre Check Choose Clamp
    Clean Clear Clip Close Clone Collect Colourise Combine Compare Compile Complete Compose
    Compress Compute Condition Configure Connect Construct Convert Convolve Copy Correct Count
    Create Crop Cut Decide Decode Define Degrade Delete Denoise Derive Describe Detach Detect
    Diagnose Differentiate Discard Display Distribute Divide Download Draw Drop Embed Encode
    End Enlarge Enter Estimate Evaluate Exchange Execute Exit Expand Explain Export Express
    Extract Fail Fetch Fill Filter Find Finish Fit Flatten Flip Fold Follow Forget Format
    Forward Freeze Fuse Gather Generate Get Give Group Guard Handle Hash Import Increase Infer
    Initialize Insert Inspect Integrate Interpolate Interrupt Invert Iterate Join Keep Label
    Launch Learn Leave Limit List Load Locate Lock Log Look Make Map Mark Mask Match Measure
    Merge Minimise Minimize Mirror Mix Move Multiply Name Normalise Normalize Note Open Order
    Pack Pad Parse Pass Patch Perform Permute Perturb Pick Place Play Plot Pool Predict Prefer
    Prefetch Prepare Prepend Present Preserve Print Process Produce Project Propagate Provide
    Quantise Quantize Raise Randomise Randomize Rank Read Rebuild Receive Recognise Reconstruct
    Record Reduce Refer Refine Register Reject Release Remove Rename Render Reorder Repeat
    Replace Replay Report Reproduce Reset Reshape Resize Resolve Restore Restrict Resume Return
    Reverse Round Run Sample Save Scale Score Search Seed Select Send Separate Serve Set Share
    Shift Show Shuffle Shrink Simulate Skip Smooth Solve Sort Split Stack Standardise Standardize
    Start Step Stop Store Stream Sum Summarise Summarize Swap Synchronise Take Test Tile Time
    Track Train Transform Translate Transpose Traverse Truncate Trust Try Turn Unpack Unwrap
    Update Upload Use Validate Vary Verify Visit Wait Walk Warm Warn Weigh Weight Widen Wrap Write
    Yield
    """
)
"""First words of a function's docstring."""

FIRST = {"Refuse": "Raise UserError if ...", "Tell": "Report or Return", "Put": "Apply"}

SKIPPED = ("docs/results.md", "scripts/check_words.py")
RECORDED = frozenset({"protocol"})
"""Keyword arguments whose text is recorded with measured numbers, and stays as recorded."""


def main() -> int:
    """Print the findings, or their number by folder, and return the exit code."""
    found = [finding for path in sources() for finding in check_file(path)]
    if "--count" in sys.argv[1:]:
        counts = Counter(folder_of(name) for name, *_ in found)
        for folder, count in sorted(counts.items(), key=lambda item: -item[1]):
            print(f"{count:6d}  {folder}")
        print(f"{len(found):6d}  in all")
    else:
        chosen = tuple(sys.argv[1:])
        found = [each for each in found if not chosen or each[0].startswith(chosen)]
        for name, line, word, better in found:
            print(f"{name}:{line}: {word} -> {better}")
    return int(bool(found))


def folder_of(name: str) -> str:
    """Return the folder of the package, or the file, that a finding counts for."""
    parts = name.split("/")
    return "/".join(parts[:2]) + ("/" if len(parts) > 2 else "")


def sources() -> list[Path]:
    """Return the Python and Markdown files that are checked."""
    folders = ("immersion", "benchmarks", "scripts")
    python = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    text = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    every = [*python, ROOT / "demo.py", *text]
    return [path for path in every if path.relative_to(ROOT).as_posix() not in SKIPPED]


def check_file(path: Path) -> list[Finding]:
    """Return the findings of one file, by line."""
    name, text = path.relative_to(ROOT).as_posix(), path.read_text()
    found = check_python(text) if path.suffix == ".py" else check_text(text, 1)
    return [(name, *finding) for finding in sorted(set(found))]


def check_text(text: str, line: int) -> Iterator[tuple[int, str, str]]:
    """Yield the words of a text that the project does not use; code and flags are left out."""
    text = re.sub(r"```.*?```", lambda code: "\n" * code[0].count("\n"), text, flags=re.S)
    text = re.sub(r"^( {4,}\*{0,2})\w+(?=: )", r"\1", text, flags=re.M)  # an argument's name
    text = re.sub(r"`[^`]*`|--[a-z-]+|https?://\S+", lambda code: "\n" * code[0].count("\n"), text)
    for pattern, better in WORDS.items():
        spaced = pattern.replace(" ", r"\s+")
        for match in re.finditer(rf"(?<![\w'])(?:{spaced})(?![\w/])", text, flags=re.I):
            word = re.sub(r"\s+", " ", match[0])
            yield line + text.count("\n", 0, match.start()), word, better


def check_python(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the findings in a module's comments, strings, docstrings and names."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield from check_text(token.string, token.start[0])
    tree = ast.parse(text)
    recorded = {id(part) for node in find_recorded(tree) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if " " in node.value and id(node) not in recorded:
                yield from check_text(node.value, node.lineno)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from check_function(node)
        elif isinstance(node, ast.ClassDef):
            yield from check_name(node.name, node.lineno)
            yield from check_sections(node)
        elif isinstance(node, ast.arg):
            yield from check_name(node.arg, node.lineno)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield from check_name(node.id, node.lineno)


def find_recorded(tree: ast.Module) -> list[ast.expr]:
    """Return the expressions of recorded text: arguments, and the constants that they name."""
    keywords = (node for node in ast.walk(tree) if isinstance(node, ast.keyword))
    given = [node.value for node in keywords if node.arg in RECORDED]
    used = {part.id for node in given for part in ast.walk(node) if isinstance(part, ast.Name)}
    constants = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id in used
    ]
    return given + constants


def check_name(name: str, line: int) -> Iterator[tuple[int, str, str]]:
    """Yield the words of a name that no name has."""
    for word in re.findall(r"[A-Z]?[a-z]+", name):
        if word.lower() in NAME_WORDS:
            yield line, name, f"a name without {word!r}"


@dataclass(frozen=True)
class Docstring:
    """A docstring and where it begins."""

    text: str
    line: int


def docstring_of(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> Docstring | None:
    """Return the docstring of a function or a class, if it has one."""
    text = ast.get_docstring(node, clean=False)
    return None if text is None else Docstring(text, node.body[0].lineno)


def check_function(
    node: ast.FunctionDef | ast.AsyncFunctionDef,
) -> Iterator[tuple[int, str, str]]:
    """Yield the findings in a function's name and docstring."""
    yield from check_name(node.name, node.lineno)
    decorators = {ast.unparse(each).split(".")[-1] for each in node.decorator_list}
    is_property = bool(decorators & {"property", "cached_property", "setter"})
    if not is_property and is_participle(node.name):
        yield node.lineno, f"def {node.name}", "a verb in the imperative"
    docstring = docstring_of(node)
    if docstring is None:
        return
    yield from check_sections(node)
    first = re.match(r"\W*(\w*)", docstring.text)
    if first and not is_property and first[1] not in VERBS:
        better = FIRST.get(first[1], "a verb in the imperative (if it is one, add it to VERBS)")
        yield docstring.line, f"docstring of {node.name}: {first[1]}", better


def is_participle(name: str) -> bool:
    """Return whether a function's name begins with a past participle."""
    word = name.strip("_").split("_")[0]
    if word in NO_PARTICIPLES or name.strip("_") in PARTICIPLE_NAMES:
        return False
    return word in PARTICIPLES or (len(word) > 4 and word.endswith("ed"))


def check_sections(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef,
) -> Iterator[tuple[int, str, str]]:
    """Yield the argument and return lines of a docstring that begin with the wrong word."""
    docstring = docstring_of(node)
    if docstring is None:
        return
    section, entries, first_line = "", 0, 0
    for number, line in enumerate(docstring.text.splitlines()):
        content = line.strip()
        header = re.fullmatch(
            r"(Args|Returns|Yields|Raises|Example|Reference|References):", content
        )
        if header:
            section, entries = header[1], len(line) - len(line.lstrip()) + 4
            first_line = number + 1
            continue
        here = docstring.line + number
        if section == "Args" and line[:entries].strip() == "":
            entry = re.match(rf"\s{{{entries}}}\*{{0,2}}\w[\w, *]*: (.*)", line)
            if entry:
                yield from check_entry(entry[1], here)
        elif section in ("Returns", "Yields") and number == first_line:
            yield from check_entry(content, here)


def check_entry(text: str, line: int) -> Iterator[tuple[int, str, str]]:
    """Yield a finding if the text of an argument or a return value begins with the wrong word."""
    first = (re.match(r"[A-Za-z']*", text) or [""])[0]
    if first in NO_FIRST:
        yield line, f"{first} ...", "a noun phrase: what the value is"
    elif first == "Whether" and not text.startswith("Whether to "):
        yield line, "Whether ...", '"Whether to ...", "If True, ..." or "True if ..."'
    elif len(first) > 1 and first.islower() and first not in SYMBOLS and not is_choice(text):
        yield line, f"{first} ...", "a capitalised noun phrase, or code in backticks"


def is_choice(text: str) -> bool:
    """Return whether a text begins with the values that an argument may have: `auto, cpu or`."""
    return bool(re.match(r"[\w-]+(,| or |:| \()", text))


if __name__ == "__main__":
    sys.exit(main())
