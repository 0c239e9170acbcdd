"""The wording of documents, docstrings, comments, messages and help texts: the patterns of `words/phrases.txt`.

Single words are checked by codespell with `words/words.txt` (`make check`).
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
WORDS = ROOT / "tests" / "words"
PACKAGES = ("bench", "configs", "downstream", "examples", "methods", "metrics", "reports")
# Texts of results tables: other words would be another measurement to those who compare tables.
KEPT = ("one number a set", "; the same command goes on from here")
WRITTEN = ("docs/datasets.md", "docs/metrics.md", "docs/precision.md")  # by code, which is checked where it is
UNIT = (
    "(arm|axis|board|call|caption|cell|channel|chunk|class|column|condition|convolution|dataset|day|dimension|encoder"
    "|entry|epoch|file|fold|folder|format|generator|group|head|hour|image|instance|iteration|job|key|label|latent|layer"
    "|level|line|map|method|metric|minute|network|nucleus|number|page|pair|part|patch|piece|pixel|preset|process"
    "|question|record|request|row|run|sample|second|seed|set|side|slide|source|split|stain|step|task|thousand|thread"
    "|tile|training|worker)"
)


class Phrase(NamedTuple):
    """A pattern to avoid, what to write instead, and a text in which the pattern occurs."""

    pattern: re.Pattern[str]
    instead: str
    example: str


class Piece(NamedTuple):
    """A paragraph, docstring, comment or message, and the line of its file on which it begins."""

    line: int
    text: str


def phrases() -> list[Phrase]:
    """Return the patterns of the list."""
    lines = (WORDS / "phrases.txt").read_text(encoding="utf-8").splitlines()
    found = []
    for line in lines:
        if line and not line.startswith("#"):
            pattern, rest = line.split(" -> ", 1)
            instead, example = rest.rsplit(" // ", 1)
            found.append(Phrase(re.compile(pattern.replace("UNIT", UNIT), re.IGNORECASE), instead, example))
    return found


def pieces(path: Path) -> Iterator[Piece]:
    """Yield the prose of a Python, Markdown or YAML file, with white space reduced to single blanks."""
    text = path.read_text(encoding="utf-8")
    found = of_python(text) if path.suffix == ".py" else of_paragraphs(text, path.suffix)
    for line, piece in found:
        yield Piece(line, " ".join(piece.split()))


def of_python(text: str) -> Iterator[tuple[int, str]]:
    """Yield docstrings, other strings with a blank, f-strings (each value replaced by {}), and comments."""
    parts = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.JoinedStr):
            parts.update(node.values)
            values = (value.value if isinstance(value, ast.Constant) else "{}" for value in node.values)
            yield node.lineno, "".join(map(str, values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in parts:
            yield node.lineno, node.value
    comments: list[tuple[int, str]] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            if comments and token.line.strip().startswith("#") and comments[-1][0] == token.start[0] - 1:
                comments[-1] = (token.start[0], f"{comments[-1][1]} {token.string.lstrip('# ')}")
            else:
                comments.append((token.start[0], token.string.lstrip("# ")))
    yield from comments


def of_paragraphs(text: str, suffix: str) -> Iterator[tuple[int, str]]:
    """Yield paragraphs of Markdown outside code blocks, or of YAML with its comments."""
    paragraph: list[str] = []
    first, code = 1, False
    for number, line in enumerate([*text.splitlines(), ""], 1):
        fence = suffix != ".yaml" and line.lstrip().startswith("```")
        code ^= fence
        stripped = line.strip().removeprefix("#").strip() if suffix == ".yaml" else line.strip()
        if not stripped or fence or code or stripped.startswith(("- ", "|", "* ")):
            if paragraph:
                yield first, " ".join(paragraph)
            paragraph, first = [], number
        if stripped and not fence and not code:
            paragraph = [*paragraph, re.sub(r"`[^`]*`", "`...`", stripped)]


def files() -> list[Path]:
    """Return the files whose wording is checked."""
    documents = [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("examples/**/*.md"),
        *ROOT.glob("reports/*.j2"),
    ]
    code = [path for package in PACKAGES for suffix in ("py", "yaml") for path in (ROOT / package).rglob(f"*.{suffix}")]
    return sorted(path for path in documents + code if str(path.relative_to(ROOT)) not in WRITTEN)


def test_the_wording_is_plain() -> None:
    listed = phrases()
    odd = [
        f"{path.relative_to(ROOT)}:{piece.line}: {found.group()!r} -> {phrase.instead}"
        for path in files()
        for piece in pieces(path)
        if piece.text not in KEPT
        for phrase in listed
        for found in phrase.pattern.finditer(piece.text)
    ]
    assert not odd, "\n".join(["", *odd])


@pytest.mark.parametrize("phrase", phrases(), ids=lambda phrase: phrase.example)
def test_every_pattern_finds_its_example(phrase: Phrase) -> None:
    assert phrase.pattern.search(phrase.example)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", '"""Values at\n\nonce."""'),
        ("a.py", "x = 1  # set at once"),
        ("a.py", "# values are set at\n# once"),
        ("a.py", "raise ValueError(f'{1} is set at {2} or at once')"),
        ("a.md", "Values are set at\nonce.\n\n```\ncode\n```\n"),
        ("a.md", "- first\n- values are set at\n  once"),
        ("a.yaml", "key: 1\n# values are set at\n# once\n"),
    ],
)
def test_all_prose_is_read(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert any("at once" in piece.text for piece in pieces(tmp_path / name))


def test_code_is_not_prose(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Run `at once` or\n\n```\nat once\n```\n", encoding="utf-8")
    assert [piece.text for piece in pieces(tmp_path / "a.md")] == ["Run `...` or"]


def test_the_list_of_words_is_one_of_codespell() -> None:
    lines = (WORDS / "words.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not re.fullmatch(r"[a-z']+->[a-z, ]+", line)] == []
    assert lines == sorted(lines)
