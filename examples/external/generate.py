"""Paint nuclei over real backgrounds: a small generator that stands in for your own research repository.

It needs Python 3.8, numpy and Pillow and nothing of the benchmark. For each class, `fit` learns the colour of nuclei
relative to their surroundings, how it changes from the rim inwards, and the grain of the texture. It also keeps
backgrounds in which the nuclei are filled in. `render` paints each label map over one of these backgrounds.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

BACKGROUNDS = 48  # number that fit keeps
DEPTHS = 5  # pixels from the rim inwards; deeper pixels count as the last depth


def fit(request):
    """Measure the training set and save what rendering needs."""
    rng = np.random.RandomState(request["seed"])
    lines = read_lines(request["training"])
    kinds = len(request["classes"])
    nuclei = [[] for _ in range(kinds)]  # colour of each nucleus minus that of its tile's background
    profiles = [[] for _ in range(kinds)]  # colour at each depth minus that of the nucleus
    grains = [[] for _ in range(kinds)]  # the remainder at each pixel
    neighbours = [[] for _ in range(kinds)]  # correlation of the remainder between pixels two columns apart
    backgrounds, tones = [], []
    per_tile = -(-BACKGROUNDS // len(lines))
    for line in lines:
        image = read(request["training"], line["file_name"]).astype(np.float64)
        instances = read(request["training"], line["instances"]).astype(np.int64)
        free = ~grown(instances > 0, 2)
        tone = image[free].mean(axis=0) if free.any() else image.reshape(-1, 3).mean(axis=0)
        depth = depths(instances)
        for kind, rows, columns in nuclei_of(instances, line["types"]):
            if len(rows) < 12:
                continue
            pixels, deep = image[rows, columns], depth[rows, columns]
            mean = pixels.mean(axis=0)
            profile = np.stack([pixels[deep == d].mean(axis=0) if (deep == d).any() else mean for d in range(DEPTHS)])
            left = np.full((np.ptp(rows) + 1, np.ptp(columns) + 1, 3), np.nan)
            left[rows - rows.min(), columns - columns.min()] = pixels - profile[deep]
            nuclei[kind - 1].append(mean - tone)
            profiles[kind - 1].append(profile - mean)
            grains[kind - 1].append(left[rows - rows.min(), columns - columns.min()])
            products = left[:, :-2] * left[:, 2:]
            if np.isfinite(products).any():
                neighbours[kind - 1].append(np.nanmean(products) / max(np.nanmean(left**2), 1e-9))
        for _ in range(per_tile if free.any() else 0):
            backgrounds.append(filled(*window(image, free, request["patch_size"], rng), rng))
            tones.append(tone)
    if not backgrounds:
        sys.exit("no training image has background between its nuclei")
    found = [k for k in range(kinds) if len(nuclei[k]) > 3]
    if not found:
        sys.exit("no class has more than three nuclei of 12 pixels")
    pick = [k if k in found else found[0] for k in range(kinds)]  # a class without nuclei looks like another class
    np.savez(
        Path(request["out"], "model.npz"),
        mean=np.stack([np.mean(nuclei[k], axis=0) for k in pick]),
        spread=np.stack([root(np.cov(np.array(nuclei[k]).T)) for k in pick]),
        profile=np.stack([np.mean(profiles[k], axis=0) for k in pick]),
        grain=np.stack([root(np.cov(np.concatenate(grains[k]).T)) for k in pick]),
        correlation=np.array([np.mean(neighbours[k] or [0]) for k in pick]),
        backgrounds=np.stack(backgrounds).round().astype(np.uint8),
        tones=np.stack(tones),
    )
    print(f"learned from {len(lines)} images, {sum(map(len, nuclei))} nuclei")


def render(request):
    """Draw one PNG per condition."""
    with np.load(Path(request["fitted"], "model.npz")) as saved:
        model = {name: saved[name] for name in saved.files}
    for line in read_lines(request["conditions"]):
        instances = read(request["conditions"], line["instances"]).astype(np.int64)
        image = paint(instances, line["types"], model, np.random.RandomState(line["seed"]))
        Image.fromarray(image).save(Path(request["out"], line["id"] + ".png"))


def paint(instances, types, model, rng):
    """Paint a label map over a background: colour, rim and grain of each class, with soft outlines."""
    number = rng.randint(len(model["tones"]))
    ground = turned(fitting(model["backgrounds"][number], instances.shape).astype(np.float64), rng)
    layer, depth = ground.copy(), depths(instances)
    white = rng.normal(size=(*instances.shape, 3))
    fields = [smooth_noise(white, correlation) for correlation in model["correlation"]]
    for kind, rows, columns in nuclei_of(instances, types):
        k = kind - 1
        colour = model["tones"][number] + model["mean"][k] + model["spread"][k] @ rng.normal(size=3).clip(-1.5, 1.5)
        grain = fields[k][rows, columns] @ model["grain"][k].T
        layer[rows, columns] = colour + model["profile"][k][depth[rows, columns]] + grain
    # the layer extends a little beyond its outlines, so that soft edges mix with it and not with the ground
    inside = instances > 0
    weight = blurred(inside.astype(np.float64), 0.7)
    spread = blurred(layer * inside[..., None], 0.7) / np.maximum(weight, 1e-3)[..., None]
    layer = np.where(inside[..., None], layer, spread)
    alpha = np.where(inside, np.maximum(weight, 0.7), weight)[..., None]
    return np.clip(np.rint(alpha * layer + (1 - alpha) * ground), 0, 255).astype(np.uint8)


def read_lines(folder):
    """Return the lines of a folder's metadata.jsonl that have a label map."""
    lines = [json.loads(line) for line in Path(folder, "metadata.jsonl").read_text(encoding="utf-8").splitlines()]
    lines = [line for line in lines if line["instances"] is not None and line["types"] is not None]
    if not lines:
        sys.exit("this generator draws nuclei, so it needs label maps with classes")
    return lines


def read(folder, name):
    """Read an image or a label map."""
    with Image.open(Path(folder, name)) as image:
        return np.array(image)


def nuclei_of(instances, types):
    """Yield the class, the rows and the columns of each nucleus."""
    order = np.argsort(instances, axis=None, kind="stable")
    ends = np.searchsorted(instances.ravel()[order], np.arange(1, len(types) + 2))
    for number, kind in enumerate(types):
        rows, columns = np.divmod(order[ends[number] : ends[number + 1]], instances.shape[1])
        yield kind, rows, columns


def depths(instances):
    """Return the depth of each pixel below the rim of its nucleus, 0 to DEPTHS - 1."""
    depth = np.zeros(instances.shape, np.int64)
    inside = instances > 0
    for _ in range(DEPTHS - 1):
        level = np.pad(np.where(inside, instances, 0), 1)
        inside = inside & (level[:-2, 1:-1] == instances) & (level[2:, 1:-1] == instances)
        inside = inside & (level[1:-1, :-2] == instances) & (level[1:-1, 2:] == instances)
        depth += inside
    return depth


def grown(mask, pixels):
    """Grow a mask by a number of pixels."""
    for _ in range(pixels):
        p = np.pad(mask, 1)
        mask = p[1:-1, 1:-1] | p[:-2, 1:-1] | p[2:, 1:-1] | p[1:-1, :-2] | p[1:-1, 2:]
    return mask


def window(image, free, size, rng):
    """Cut a random window out of a tile; a tile that is smaller is mirrored at its borders."""
    y = rng.randint(max(image.shape[0] - size, 0) + 1)
    x = rng.randint(max(image.shape[1] - size, 0) + 1)
    return fitting(image[y : y + size, x : x + size], (size, size)), fitting(
        free[y : y + size, x : x + size], (size, size)
    )


def filled(image, free, rng):
    """Fill pixels that are not free with free pixels from random short distances, and soften the seams."""
    image, open_, todo = image.copy(), free.copy(), ~free
    if not free.any():
        return image
    height, width = free.shape
    for _ in range(400):
        rows, columns = np.nonzero(~open_)
        if not len(rows):
            break
        # one step for all pixels: neighbouring pixels come from neighbouring places, so the texture is kept
        reach = 6 + len(rows) * 40 // (height * width)
        angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(4, 4 + 3 * reach)
        there = rows + int(length * np.sin(angle)), columns + int(length * np.cos(angle))
        good = (there[0] >= 0) & (there[0] < height) & (there[1] >= 0) & (there[1] < width)
        rows, columns, there = rows[good], columns[good], (there[0][good], there[1][good])
        good = free[there]
        image[rows[good], columns[good]] = image[there[0][good], there[1][good]]
        open_[rows[good], columns[good]] = True
    image[~open_] = image[free].mean(axis=0)
    return np.where(grown(todo, 1)[..., None], 0.5 * image + 0.5 * blurred(image, 1.0), image)


def fitting(array, shape):
    """Cut or mirror an array to a height and width."""
    missing = [max(0, shape[axis] - array.shape[axis]) for axis in (0, 1)]
    array = np.pad(array, [(0, missing[0]), (0, missing[1])] + [(0, 0)] * (array.ndim - 2), mode="symmetric")
    return array[: shape[0], : shape[1]]


def turned(image, rng):
    """Turn or mirror an image at random, keeping its shape."""
    image = image[:: rng.choice([1, -1]), :: rng.choice([1, -1])]
    return image.transpose(1, 0, 2) if image.shape[0] == image.shape[1] and rng.rand() < 0.5 else image


def smooth_noise(white, correlation):
    """Return noise of deviation 1 with a correlation between pixels two columns apart, from white noise."""
    correlation = min(max(correlation, 0.01), 0.9)
    smooth = blurred(white, np.sqrt(-1 / np.log(correlation)))  # for a Gaussian it is exp(-distance^2 / (4 sigma^2))
    return smooth / max(smooth.std(), 1e-9)


def blurred(array, sigma):
    """Blur rows and columns by a Gaussian."""
    reach = max(1, int(np.ceil(3 * sigma)))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(sigma, 1e-3)) ** 2)
    kernel /= kernel.sum()
    for axis in (0, 1):
        pad = [(0, 0)] * array.ndim
        pad[axis] = (reach, reach)
        padded, length = np.pad(array, pad, mode="symmetric"), array.shape[axis]
        array = sum(weight * padded.take(range(step, step + length), axis=axis) for step, weight in enumerate(kernel))
    return array


def root(covariance):
    """Return a matrix that gives unit noise this covariance."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0))


def main():
    """Carry out the request."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--request", required=True, help="JSON file with the request")
    parser.add_argument("--out", required=True, help="folder to write to; the same as `out` in the request")
    arguments = parser.parse_args()
    request = json.loads(Path(arguments.request).read_text(encoding="utf-8"))
    if request["schema"] != 1:
        sys.exit(f"this program reads requests of schema 1, but the request has schema {request['schema']!r}")
    {"fit": fit, "render": render}[request["phase"]](request)


if __name__ == "__main__":
    main()
