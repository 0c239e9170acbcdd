"""Everything that a pipeline needs on this machine: its own files, and those that it takes from elsewhere."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from bench.contract import Weights
from bench.errors import DataError
from bench.weight_cards import weight_card, weight_card_names
from methods.diffusers_folder.config import DiffusersFolderConfig, TermsSettings, revision_of
from methods.diffusers_folder.sources import Source, missing_of_component, missing_of_pipeline

UNUSED = frozenset({"safety_checker"})
"""Components that are never loaded: a checker of photographs paints tissue black."""
_SHOWN = 3


def needed_files(config: DiffusersFolderConfig) -> list[Weights]:
    """List every source and Python module of a pipeline, each with where it was found."""
    found = [_source(config, setting, source) for setting, source in config.sources.items()]
    return found + [_module(config, module) for module in config.modules]


def _source(config: DiffusersFolderConfig, setting: str, source: Source) -> Weights:
    terms = config.terms.get(source.location, TermsSettings())
    folder = source.find()
    reason = _not_found(setting, source) if folder is None else _incomplete(config, setting, folder)
    return Weights(
        name=_title(setting, source),
        setting=_setting(setting, source),
        source=_where(source, terms),
        size=terms.size or "size not known",
        licence=terms.licence,
        path=folder,
        reason=reason,
        card=_card(source),
    )


def _card(source: Source) -> str:
    """Return the card of published weights of a repository at this commit; empty if there is none."""
    cards = (weight_card(name) for name in weight_card_names())
    found = (card.name for card in cards if (card.hub, card.revision) == (source.location, source.revision))
    return next(found, "")


def _title(setting: str, source: Source) -> str:
    kind = setting.removeprefix("components.")
    place = f"{source.location}, folder {source.subfolder}" if source.subfolder else source.location
    commit = f" at {source.revision}" if source.is_hub_id and source.revision else ""
    return f"its {kind}: {place}{commit}" if setting != "pipeline" else f"the pipeline {place}{commit}"


def _loose(source: Source) -> bool:
    return source.is_hub_id and source.revision is None


def _setting(setting: str, source: Source) -> str:
    if _loose(source):
        return f"method.{revision_of(setting)} to its commit"
    place = f"{setting}.location" if "." in setting else setting
    return f"method.{place} to its folder if it is not in the cache of the hub"


def _where(source: Source, terms: TermsSettings) -> str:
    if not source.is_hub_id:
        return "the one who published it; a folder contains model_index.json"
    pinned = f" --revision {source.revision}" if source.revision else ""
    part = f" --include '{source.subfolder}/*'" if source.subfolder else ""
    how = f"`hf download {source.location}{pinned}{part}`"
    if terms.gated is False:
        how += " (not gated)"
    elif terms.gated:
        how += f" (gated: first accept the terms at https://huggingface.co/{source.location} and run `hf auth login`)"
    return f"{how}; {terms.note}" if terms.note else how


def _not_found(setting: str, source: Source) -> str:
    if _loose(source):
        return f"{source.location} is not a folder, and {revision_of(setting)} does not pin a repository of this name"
    return f"not in the local cache of the hub: {source.location}" if source.is_hub_id else "no such folder"


def _incomplete(config: DiffusersFolderConfig, setting: str, folder: Path) -> str:
    """Return what a folder lacks; empty if it is complete."""
    try:
        if setting == "pipeline":
            replaced = UNUSED | {name for name, part in config.components.items() if part is not None}
            lacking = missing_of_pipeline(folder, replaced | ({"controlnet"} if config.controlnet else set()))
        elif setting == "code":
            lacking = [] if (folder / "pipeline.py").is_file() else ["pipeline.py"]
        else:
            lacking = missing_of_component(folder, setting.removeprefix("components."))
    except DataError as error:
        return f"{error.message}: {error.got}"
    more = f" and {len(lacking) - _SHOWN} more" if len(lacking) > _SHOWN else ""
    return f"files are missing in {folder}: {', '.join(lacking[:_SHOWN])}{more}" if lacking else ""


def _module(config: DiffusersFolderConfig, module: str) -> Weights:
    spec = find_spec(module)
    note = config.terms.get(module, TermsSettings())
    return Weights(
        name=f"the Python module {module}, which its code imports",
        setting="PYTHONPATH to the folder that contains it",
        source=note.note or "the one who published the pipeline",
        size=note.size or "a file",
        licence=note.licence,
        path=None if spec is None or spec.origin is None else Path(spec.origin),
        reason="" if spec is not None else "Python finds no module of this name",
    )
