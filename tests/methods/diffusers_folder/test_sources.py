"""Where a pipeline is read from, what is missing of it, and what of it is in keys."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.config.preset import load_preset
from bench.contract import MethodBase
from bench.errors import BenchError, ConfigError
from bench.plan.arms import make_arm
from bench.plan.checks import check_files
from methods.diffusers_folder.loading import load_pipeline
from tests.methods.diffusers_folder.pipelines import MASK, Run, controlnet, mask_pipeline, method, text_pipeline

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty cache of the hub; any request would fail."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    return tmp_path / "hub"


def cached(hub: Path, repository: str, files: Path, commit: str = COMMIT) -> Path:
    """Put files into the cache as a repository at a commit."""
    snapshot = hub / f"models--{repository.replace('/', '--')}" / "snapshots" / commit
    return Path(shutil.copytree(files, snapshot))


def missing(how: MethodBase) -> list[str]:
    """Return what the checks before a run report, one line per thing."""
    return [f"{one.expected} | {one.got} | {one.fix}" for one in check_files("it", how)]


def refused(**changes: Any) -> str:
    """Return what is said about settings that do not fit."""
    values = {"method": {"pipeline": "lab/model", **changes}}
    with pytest.raises(ConfigError) as caught:
        make_arm("diffusers-folder", load_preset("tiny"), values["method"])
    return f"{caught.value.message} {caught.value.fix}"


def test_complete_folder_lacks_nothing() -> None:
    assert missing(method(mask_pipeline(), **MASK)) == []


def test_bad_folders(tmp_path: Path) -> None:
    (line,) = missing(method(tmp_path / "nowhere"))
    assert "no such folder" in line
    (line,) = missing(method(tmp_path))
    assert f"files are missing in {tmp_path}: model_index.json" in line
    with pytest.raises(BenchError, match="Cannot read model_index"):
        load_pipeline(method(tmp_path).config, Run())
    folder = Path(shutil.copytree(text_pipeline(), tmp_path / "copy"))
    next((folder / "unet").glob("*.safetensors")).unlink()
    (folder / "tokenizer" / "tokenizer_config.json").unlink()
    (line,) = missing(method(folder))
    assert "tokenizer/tokenizer_config.json" in line
    assert "unet/*.safetensors" in line


def test_shards_are_all_needed(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(text_pipeline(), tmp_path / "copy"))
    (weights,) = (folder / "unet").glob("*.safetensors")
    index = {"weight_map": {"a": weights.name, "b": "second.safetensors"}}
    (folder / "unet" / "model.safetensors.index.json").write_text(json.dumps(index))
    assert "unet/second.safetensors" in missing(method(folder))[0]


def test_hub_id_needs_a_full_commit(hub: Path) -> None:
    (line,) = missing(method("lab/model"))
    assert "revision does not pin" in line
    assert "hf download lab/model" in line
    for revision in ("main", "v1.0", COMMIT[:12]):
        assert "a branch or a tag can move" in refused(revision=revision)
    assert "a branch or a tag can move" in refused(components={"vae": {"location": "lab/vae", "revision": "main"}})


def test_pinned_repository_is_read_from_the_cache_alone(hub: Path) -> None:
    how = method("lab/model", revision=COMMIT)
    (line,) = missing(how)
    assert f"hf download lab/model --revision {COMMIT}" in line
    assert "not in the local cache" in line
    cached(hub, "lab/model", text_pipeline())
    assert missing(how) == []
    assert type(load_pipeline(how.config, Run())).__name__ == "StableDiffusionPipeline"
    assert missing(method("lab/model", revision=COMMIT[::-1])) != []


def test_missing_parts_are_named_as_a_whole_chain(hub: Path) -> None:
    how = method(
        "lab/model",
        revision=COMMIT,
        controlnet="lab/control",
        controlnet_revision=COMMIT,
        components={"vae": {"location": "owner/large", "revision": COMMIT, "subfolder": "vae"}},
        terms={"owner/large": {"licence": "community", "gated": True, "size": "168 MB"}},
        modules=["no_such_module_anywhere"],
        **MASK,
    )
    pipeline, control, vae, module = missing(how)
    assert "lab/model" in pipeline
    assert "lab/control" in control
    assert "(168 MB)" in vae
    assert "--include 'vae/*'" in vae
    assert "accept the terms at https://huggingface.co/owner/large" in vae
    assert "licence community" in vae
    assert "no_such_module_anywhere" in module


def test_component_from_another_repository(hub: Path) -> None:
    cached(hub, "owner/large", text_pipeline())
    vae = {"location": "owner/large", "revision": COMMIT, "subfolder": "vae"}
    how = method(text_pipeline(), components={"vae": vae})
    assert missing(how) == []
    assert str(load_pipeline(how.config, Run()).vae.config._name_or_path).startswith(str(hub))


def test_a_file_does_not_choose_what_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(shutil.copytree(text_pipeline(), tmp_path / "copy"))
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps({**index, "vae": ["intruder", "AutoencoderKL"]}))
    (tmp_path / "intruder.py").write_text("raise AssertionError('imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    how = method(str(folder), components={"vae": {"location": str(text_pipeline()), "subfolder": "vae"}})
    with pytest.raises(ConfigError, match="not of a known library") as caught:
        load_pipeline(how.config, Run())
    assert "'intruder'" in caught.value.got


def test_code_runs_only_if_it_is_trusted_and_pinned(hub: Path, tmp_path: Path) -> None:
    assert "pin what you trust" in refused(trust_remote_code=True)
    assert "code_revision" in refused(trust_remote_code=True, revision=COMMIT, code="lab/code")
    assert method("lab/model", revision=COMMIT, trust_remote_code=True)
    (*_, line) = missing(method("lab/model", revision=COMMIT, code="lab/code", code_revision=COMMIT))
    assert "must be allowed" in line
    folder = Path(shutil.copytree(text_pipeline(), tmp_path / "copy"))
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps({**index, "_class_name": "OwnPipeline"}))
    (folder / "pipeline.py").write_text(
        "from diffusers import StableDiffusionPipeline\n\n\nclass OwnPipeline(StableDiffusionPipeline):\n    pass\n"
    )
    with pytest.raises(ConfigError, match="its own Python code would run"):
        load_pipeline(method(folder).config, Run())
    pipeline = load_pipeline(method(folder, trust_remote_code=True).config, Run())
    assert type(pipeline).__name__ == "OwnPipeline"


def test_keys_contain_files_and_no_paths(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(text_pipeline(), tmp_path / "copy"))
    first, second = (method(place, controlnet=str(controlnet()), **MASK) for place in (text_pipeline(), folder))
    assert first.config.model_dump(mode="json") == second.config.model_dump(mode="json")
    assert str(tmp_path) not in second.config.model_dump_json()
    config = folder / "unet" / "config.json"
    config.write_text(config.read_text() + " ")
    assert first.config.model_dump(mode="json") != second.config.model_dump(mode="json")
    assert "terms" not in first.config.model_dump()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prompt": "constant"}, "{caption} if and only if"),
        ({"conditions": [], "prompt": "{caption}"}, "{caption} if and only if"),
        ({"prompt": "{caption} {wibble}"}, "placeholders"),
        ({"conditions": ["mask"]}, "mask.colours"),
        ({"conditions": ["class"]}, "to show classes"),
        ({"controlnet": "lab/control"}, "add mask"),
        ({**MASK, "mask": {"colours": {"*": [0, 0, 256]}}}, "0..255"),
        ({**MASK, "mask": {**MASK["mask"], "channels": {"*": 0}}}, "not both"),
        ({**MASK, "mask": {"channels": {"*": -1}}}, "from 0"),
        ({**MASK, "mask": {**MASK["mask"], "form": "array"}}, "batch_size=1"),
        ({"arguments": {"height": 64}}, "image_size"),
        ({"pipeline": ""}, "--set method.pipeline=FOLDER"),
    ],
)
def test_settings_that_do_not_fit(changes: dict[str, Any], message: str) -> None:
    assert message in refused(**changes)


@pytest.mark.parametrize(("name", "things"), [("pixcell-256", 6), ("mupad-256", 2)])
def test_cards_name_everything_that_is_missing(name: str, things: int, hub: Path) -> None:
    for preset in ("tiny", "smoke", "small", "paper"):
        how = make_arm(name, load_preset(preset)).method
        lines = missing(how)
        assert len(lines) == things
        assert "trust_remote_code=true" in lines[-1]
        assert all("licence" in line for line in lines[:-1])


def test_module_loads_without_networks() -> None:
    heavy = "{'torch', 'diffusers', 'huggingface_hub'}"
    code = f"import sys, methods.diffusers_folder; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
