"""The README of an export: its content, the meaning of class ids, and what the reading repository does to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.contract import DatasetInfo

_LAYOUTS = {
    "hovernet": "<stem>.npy: (h, w, 5) int32: R, G, B, instance id, class id; (h, w, 4) where nuclei have no classes.",
    "consep": "Images/<stem>.png and Labels/<stem>.mat: inst_map, type_map (h, w), inst_type (n, 1),\n"
    "inst_centroid (n, 2) as (x, y); without type_map and inst_type where nuclei have no classes.",
    "cellvit": "images/<stem>.png and labels/<stem>.npy, a pickled dictionary of inst_map and type_map (h, w);\n"
    "types.csv (img, type: the tissue), cell_count.csv; next to the folds dataset_config.yaml and weight_config.yaml.",
    "imagefolder": "<CLASS>/<stem>.png; images without a class are in the folder itself.",
}
_CAUTIONS = {
    "hovernet": "Set nr_type (classes and background) in config.py to {n}. Some versions of train_loader.py turn\n"
    "class 5 into class 1: take that line out.",
    "consep": "Classes are merged already: take the lines that merge ids 3 to 7 out of load_ann in hover_net's\n"
    "dataset.py, or ids 3 and 4 become one class. Set nr_types (classes and background) to {n}.",
    "cellvit": "Images are as large as they were; CellViT trains on 256 x 256 pixels. Its sampling by cell counts has\n"
    "PanNuke's five classes written in. Set num_nuclei_classes (with background) to {n}.",
    "imagefolder": "Loaders number classes by the alphabetical order of folders, which may differ from the ids above.",
}


def readme(
    format: str, infos: Sequence[DatasetInfo], splits: Mapping[str, tuple[str, int]], lost: Sequence[str]
) -> str:
    """Return the text.

    Args:
        format: which format.
        infos: description of each split.
        splits: folder and number of images of each.
        lost: the data that the format cannot hold.
    """
    info = infos[0]
    lines = [f"{info.name}, exported by augbench in the format {format!r}.", ""]
    lines += [
        f"{split}: {n} images in {'this folder' if place == '.' else place}" for split, (place, n) in splits.items()
    ]
    lines += [f"resolution: {info.mpp:g} micrometres per pixel"]
    if info.classes:
        lines.append("nucleus classes: 0 background, " + ", ".join(f"{i} {n}" for i, n in enumerate(info.classes, 1)))
    if info.labels:
        lines.append("image classes: " + ", ".join(f"{i} {n}" for i, n in enumerate(info.labels)))
    lines += ["", _LAYOUTS[format], _CAUTIONS[format].format(n=len(info.classes) + 1)]
    lines += ["groups.csv: the slide or patient of each image; divide by it, never within it."]
    lines += ["metadata.csv: file_name (from the folder of images), group, label, caption; for `bench import --table`."]
    lines += [f"Not here: {text}." for text in lost]
    lines += ["", "The licence is that of the data it was made of."]
    return "\n".join(lines) + "\n"
