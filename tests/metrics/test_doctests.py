"""Examples in docstrings: every public function of `metrics` has one with a number, and it is true."""

import ast
import doctest
import io
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in sorted((ROOT / "metrics").rglob("*.py"))]
# What reads weights, which no example can bring, and what answers in a word.
EXEMPT = {
    "metrics.encoders.networks": {"load_towers"},
    "metrics.encoders.state": {"read_state"},
    "metrics.verdicts": {"verdict"},
    "metrics.perceptual": {"fill", "load_lpips", "lpips_distance"},
    "metrics.perceptual_weights": {"lpips_identity", "lpips_weights", "published_files"},
}


def answers(module: str) -> dict[str, str]:
    """Return what the examples of each public function of a module print."""
    tree = ast.parse((ROOT / (module.replace(".", "/") + ".py")).read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]
    parser = doctest.DocTestParser()
    found = {node.name: parser.get_examples(ast.get_docstring(node) or "") for node in functions}
    return {name: "".join(example.want for example in examples) for name, examples in found.items()}


@pytest.mark.parametrize("module", MODULES)
def test_every_public_function_has_an_example_with_a_number(module):
    found, exempt = answers(module), EXEMPT.get(module, set())
    # encoders are named, found and described in words
    wordy = module.startswith("metrics.encoders")
    without = {name for name, want in found.items() if not (want if wordy else any(c.isdigit() for c in want))}
    assert without == exempt


@pytest.mark.parametrize("module", MODULES)
def test_examples_are_true(module):
    runner, said = doctest.DocTestRunner(verbose=False), io.StringIO()
    for test in doctest.DocTestFinder().find(import_module(module)):
        runner.run(test, out=said.write)
    assert not runner.failures, said.getvalue()
