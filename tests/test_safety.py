"""Nothing that a file, a card or a setting says is run as code: walked over the source, so that it stays so.

Every use of a name that could do so is either refused here or is listed with the reason why it is safe.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from bench.errors import MissingError
from methods.external.config import ExternalConfig
from methods.external.process import call
from metrics.encoders.torchscript import TorchScript

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("bench", "configs", "downstream", "examples", "methods", "metrics", "reports")

_PICKLE = "pickles run any code; keep arrays, JSON or safetensors"
_SHELL = "a shell runs what a setting holds; give a list of arguments to subprocess"
_CODE = "text becomes code"
_PROGRAM = "starts another program"

# Names that are refused wherever they are used, called or passed on.
REFUSED = {
    **dict.fromkeys(
        (
            *("pickle.load", "pickle.loads", "pickle.Unpickler", "pickle._Unpickler", "pickle._load", "pickle._loads"),
            *("cPickle.load", "cloudpickle.load", "cloudpickle.loads", "dill.load", "dill.loads", "joblib.load"),
            *("marshal.load", "marshal.loads", "shelve.open", "pandas.read_pickle", "torch.serialization.load"),
        ),
        _PICKLE,
    ),
    **dict.fromkeys(
        ("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "pty.spawn"), _SHELL
    ),
    **dict.fromkeys(("asyncio.create_subprocess_shell", "os.startfile"), _SHELL),
    **dict.fromkeys(("eval", "exec", "compile", "builtins.eval", "builtins.exec", "runpy.run_path"), _CODE),
    **dict.fromkeys(("importlib.import_module", "__import__", "importlib.util.spec_from_file_location"), _CODE),
    **dict.fromkeys(("yaml.load", "yaml.load_all", "yaml.full_load", "yaml.unsafe_load", "yaml.Loader"), _CODE),
    **dict.fromkeys(("yaml.UnsafeLoader", "yaml.FullLoader", "yaml.CLoader"), _CODE),
    **dict.fromkeys(("torch.hub.load", "torch.package.PackageImporter", "torch.utils.cpp_extension.load"), _CODE),
    "torch.jit.load": "TorchScript is a program; only files that the user names may be one",
    **dict.fromkeys(("subprocess.Popen", "subprocess.run", "subprocess.call"), _PROGRAM),
    **dict.fromkeys(("subprocess.check_call", "subprocess.check_output"), _PROGRAM),
    **dict.fromkeys(("os.execv", "os.execvp", "os.execve", "os.execvpe", "os.spawnv", "os.posix_spawn"), _PROGRAM),
    **dict.fromkeys(
        ("xml.etree.ElementTree.parse", "xml.etree.ElementTree.fromstring", "xml.etree.ElementTree.XML"),
        "expands entities; use defusedxml",
    ),
    **dict.fromkeys(("xml.dom.minidom.parse", "xml.sax.parse", "lxml.etree.parse"), "expands entities; use defusedxml"),
    "tempfile.mktemp": "another process may take the name first",
    **dict.fromkeys(("shutil.unpack_archive",), "writes outside of its folder; use bench.fetching.unpack"),
}

# Why a use is safe: (file or folder, name) to its reason. A reason without its use is refused, too.
ALLOWED = {
    ("bench/engine/executors/", "pickle.loads"): "steps and results of our own workers, over a pipe of our own",
    ("bench/engine/executors/", "subprocess.Popen"): "starts `python -P` of this interpreter with fixed arguments",
    (
        "bench/formats/labels/pickled.py",
        "pickle._Unpickler",
    ): "knows only opcodes of data, and builds no object of ours",
    ("bench/engine/executors/clusters.py", "subprocess.run"): "Slurm's commands, as lists of arguments",
    ("bench/engine/executors/gpus.py", "subprocess.run"): "nvidia-smi with fixed arguments",
    ("bench/engine/launch.py", "subprocess.Popen"): "starts `python -P` of this interpreter with fixed arguments",
    ("bench/engine/launch.py", "pickle.loads"): "errors of processes that this one started, in a folder of its own",
    ("bench/engine/rank.py", "pickle.load"): "the step, over a pipe from the process that started this one",
    ("bench/tracking/worker.py", "os.execv"): "this interpreter again, with fixed arguments",
    ("bench/tracking/observer.py", "subprocess.run"): "starts this interpreter with fixed arguments",
    ("bench/tracking/server.py", "subprocess.Popen"): "starts MLflow's server with a list of arguments",
    ("downstream/nuclei/pool.py", "pickle.load"): "answers of a worker that this process started, over its pipe",
    ("downstream/nuclei/pool.py", "subprocess.Popen"): "starts `python -P` of this interpreter with fixed arguments",
    ("downstream/nuclei/worker.py", "pickle.load"): "calls of the process that started this worker, over its pipe",
    ("downstream/nuclei/plugin.py", "importlib.import_module"): "names in our own source: the family of a network",
    ("downstream/released.py", "importlib.import_module"): "names of a table in our own source",
    ("methods/released.py", "importlib.import_module"): "names of a table in our own source",
    ("metrics/__init__.py", "importlib.import_module"): "names of a table in our own source",
    ("methods/diffusers_folder/loading.py", "importlib.import_module"): "only diffusers and transformers, by a check",
    ("methods/external/process.py", "subprocess.Popen"): "starts our supervisor with fixed arguments",
    ("methods/external/supervisor.py", "subprocess.Popen"): "the user's own command, as a list of arguments, no shell",
    ("metrics/encoders/torchscript.py", "torch.jit.load"): "the file that the user names: torchscript:/path/to/file.pt",
    ("metrics/encoders/clip.py", "torch.jit.load"): "OpenAI publishes its weights so; only their values are taken",
}


class Use(NamedTuple):
    """A use of a name that needs a reason: its file, line and name, and what is wrong with it."""

    file: str
    line: int
    name: str
    why: str


def uses(source: str, file: str) -> Iterator[Use]:
    """Yield every use of a refused name, and every call with an argument that makes it unsafe."""
    nodes = list(ast.walk(ast.parse(source)))
    known = dict(_aliases(nodes))
    inner = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
    for node in nodes:
        if isinstance(node, ast.Attribute | ast.Name) and id(node) not in inner and isinstance(node.ctx, ast.Load):
            name = _dotted(node, known)
            if name in REFUSED:
                yield Use(file, node.lineno, name, REFUSED[name])
        if isinstance(node, ast.Call):
            name = _dotted(node.func, known)
            yield from (Use(file, node.lineno, name, why) for why in _wrong_call(node, name))


def _aliases(nodes: list[ast.AST]) -> Iterator[tuple[str, str]]:
    """Yield the names that imports bind anywhere in a file, and what they stand for."""
    for node in nodes:
        if isinstance(node, ast.Import):
            for one in node.names:
                yield (one.asname, one.name) if one.asname else (one.name.split(".")[0],) * 2
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for one in node.names:
                yield one.asname or one.name, f"{node.module}.{one.name}"


def _dotted(node: ast.expr, known: dict[str, str]) -> str:
    if isinstance(node, ast.Name):
        return known.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value, known)
        return f"{before}.{node.attr}" if before else ""
    return ""


def _wrong_call(call: ast.Call, name: str) -> Iterator[str]:
    given = {item.arg: item.value for item in call.keywords}
    last = name.rpartition(".")[2] or (call.func.attr if isinstance(call.func, ast.Attribute) else "")
    if name == "torch.load" and not _is(given.get("weights_only"), True):
        yield "needs weights_only=True: " + _PICKLE
    if "allow_pickle" in given and not _is(given["allow_pickle"], False) and not last.startswith("save"):
        yield "needs allow_pickle=False: " + _PICKLE
    if "shell" in given and not _is(given["shell"], False):
        yield _SHELL
    if name.startswith("subprocess.") and call.args and isinstance(call.args[0], ast.Constant | ast.JoinedStr):
        yield _SHELL
    if "trust_remote_code" in given and not _is(given["trust_remote_code"], False):
        yield "code of a repository would run"
    if "verify" in given and _is(given["verify"], False):
        yield "certificates are not checked"
    if last in ("extractall", "extract") and not isinstance(call.func, ast.Name):
        yield "writes outside of its folder; use bench.fetching.unpack"
    if None in given and name in ("torch.load", "subprocess.Popen", "subprocess.run"):
        yield "hides its arguments behind **"


def _is(node: ast.expr | None, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _reason(use: Use) -> tuple[str, str] | None:
    return next((key for key in ALLOWED if use.name == key[1] and _is_in(use.file, key[0])), None)


def _is_in(file: str, place: str) -> bool:
    return file.startswith(place) if place.endswith("/") else file == place


@cache
def found() -> tuple[Use, ...]:
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return tuple(use for path in paths for use in uses(path.read_text("utf-8"), path.relative_to(ROOT).as_posix()))


def test_nothing_from_outside_is_run() -> None:
    wrong = [f"{use.file}:{use.line}: {use.name}: {use.why}" for use in found() if _reason(use) is None]
    assert not wrong, "\n".join(wrong)


def test_every_reason_has_its_use() -> None:
    assert set(ALLOWED) == {_reason(use) for use in found()}


BAD = [
    "import pickle\npickle.loads(b'')",
    "from pickle import loads as read\nread(b'')",
    "import pickle\nmap(pickle.loads, [])",
    "def f():\n    import pickle as p\n    p.Unpickler",
    "import torch\ntorch.load('a')",
    "import torch\ntorch.load('a', weights_only=False)",
    "import torch\ntorch.load('a', weights_only=flag)",
    "import torch\ntorch.load('a', **options)",
    "from torch import load\nload('a')",
    "import torch\ntorch.jit.load('a')",
    "import numpy as np\nnp.load('a', allow_pickle=True)",
    "import numpy as np\nnp.load('a', allow_pickle=trusted)",
    "import os\nos.system('ls ' + name)",
    "import subprocess\nsubprocess.run(['ls'], shell=True)",
    "import subprocess\nsubprocess.run(f'ls {name}')",
    "from subprocess import Popen\nPopen('ls')",
    "import yaml\nyaml.load(text, yaml.Loader)",
    "eval(text)",
    "exec(text)",
    "from importlib import import_module\nimport_module(name)",
    "import joblib\njoblib.load('a')",
    "import pandas as pd\npd.read_pickle('a')",
    "import tarfile\ntarfile.open('a').extractall('b')",
    "from xml.etree import ElementTree\nElementTree.parse('a')",
    "import requests\nrequests.get('a', verify=False)",
    "model = kind.from_pretrained('a', trust_remote_code=True)",
]
GOOD = [
    "import torch\ntorch.load('a', map_location='cpu', weights_only=True)",
    "import numpy as np\nnp.load('a')\nnp.load('a', allow_pickle=False)\nnp.save('a', x, allow_pickle=True)",
    "import yaml\nyaml.safe_load(text)\nyaml.SafeLoader",
    "network.eval()\nself.compile()\nframe.eval",
    "import pickle\npickle.dumps(x)\npickle.UnpicklingError",
    "loads = json.loads\nloads(text)",
    "import re\nre.compile('a')",
]


@pytest.mark.parametrize("source", BAD)
def test_what_would_run_code_is_found(source: str) -> None:
    assert list(uses(source, "bench/a.py"))


@pytest.mark.parametrize("source", GOOD)
def test_what_runs_none_is_not(source: str) -> None:
    assert not list(uses(source, "bench/a.py"))


def test_a_command_of_a_setting_reaches_no_shell(tmp_path: Path) -> None:
    made, log = tmp_path / "made", tmp_path / "log.txt"
    config = ExternalConfig(command=f"/bin/echo ; touch {made} $(touch {made}) > {made} {{request}} {{out}}")
    call(config, tmp_path / "request", tmp_path / "out", log)
    assert log.read_text().splitlines()[1].startswith(f"; touch {made} $(touch")
    assert not made.exists()


def test_torchscript_comes_only_from_a_path_that_the_user_names(tmp_path: Path) -> None:
    (tmp_path / "encoder.pt").write_bytes(b"any")
    assert [one.path for one in TorchScript.weights(tmp_path)] == [None]
    with pytest.raises(MissingError, match="needs a TorchScript file"):
        TorchScript.label(tmp_path)
    assert [one.path for one in TorchScript.weights(tmp_path / "encoder.pt")] == [tmp_path / "encoder.pt"]
