"""Which images a study asks about: the same for all readers, in balanced numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import UInt8

from bench.errors import ConfigError, DataError
from reports.study.key import REAL, SYNTHETIC, KeyImage, KeyQuestion
from reports.study.pools import Pool, RealImage, shared_conditions
from reports.study.secret import Secret

MOST_METHODS = 6
_Array = UInt8[np.ndarray, "h w 3"]


@dataclass(frozen=True)
class Amounts:
    """The size of a study: questions of the preference task, images of the Turing test, and repeats of each task.

    `repeats` None: a tenth of each task's questions.
    """

    preference: int
    turing: int
    repeats: int | None = None

    def repeated(self, questions: int) -> int:
        """Return how many of a task's questions are asked twice.

        Raises:
            ConfigError: more are to be repeated than can be kept apart from their first time.
        """
        n = -(-questions // 10) if self.repeats is None else self.repeats
        if n > questions // 2:
            fix = f"--repeats {questions // 2} or fewer"
            raise ConfigError("At most half of a task's questions can be asked twice", got=f"--repeats {n}", fix=fix)
        return n

    def check(self, n_methods: int) -> None:
        """Refuse a study that cannot be balanced.

        Raises:
            ConfigError: the numbers do not fit that of methods.
        """
        if not self.preference and not self.turing:
            raise ConfigError("The study asks nothing", got="--preference 0 --turing 0", fix="give one of them")
        if self.preference and not 2 <= n_methods <= MOST_METHODS:
            fix = "give more or fewer sets, or --preference 0"
            raise ConfigError(f"The preference task needs 2 to {MOST_METHODS} sets", got=f"{n_methods} sets", fix=fix)
        unit = 2 * n_methods
        if self.turing % unit:
            near = sorted({max(unit, self.turing // unit * unit), -(-self.turing // unit) * unit})
            raise ConfigError(
                "The Turing test cannot have as many real as synthetic images, and as many of each method",
                got=f"--turing {self.turing} with {n_methods} sets",
                fix=f"a multiple of {unit}, such as --turing {' or '.join(map(str, near))}",
            )


@dataclass
class Draft:
    """The questions of a study with their images."""

    questions: list[KeyQuestion] = field(default_factory=list)
    images: dict[str, KeyImage] = field(default_factory=dict)
    pixels: dict[str, _Array] = field(default_factory=dict)

    def add(self, about: KeyImage, pixels: _Array) -> str:
        """Add an image and return its name."""
        self.images[about.name] = about
        self.pixels[about.name] = pixels
        return about.name


def draft(pools: Sequence[Pool], real: Sequence[RealImage], amounts: Amounts, secret: Secret) -> Draft:
    """Choose the images of a study; no mask is shown in both tasks, and none to two questions.

    Raises:
        ConfigError: there are too few common masks, masks or real images.
    """
    amounts.check(len(pools))
    made, used = Draft(), set[str]()
    _prefer(made, pools, amounts.preference, secret, used)
    per_method = amounts.turing // (2 * len(pools))
    chosen = [*_synthetic(pools, per_method, secret, used), *_real(real, amounts.turing // 2, secret)]
    for about, pixels in chosen:
        name = made.add(about, pixels)
        made.questions.append(KeyQuestion(name=secret.name("turing", name), task="turing", images=(name,)))
    _check_sizes(made)
    return made


def _prefer(made: Draft, pools: Sequence[Pool], n: int, secret: Secret, used: set[str]) -> None:
    if not n:
        return
    shared = shared_conditions(pools, n)
    for condition in secret.alternated(shared, pools[0].label, 0, "preference")[:n]:
        used.add(condition)
        names = tuple(made.add(*_of_set(pool, condition, secret)) for pool in pools)
        made.questions.append(KeyQuestion(name=secret.name("preference", condition), task="preference", images=names))


def _synthetic(pools: Sequence[Pool], n: int, secret: Secret, used: set[str]) -> list[tuple[KeyImage, _Array]]:
    """Return `n` images of each set, of masks that are not in use; methods take turns in choosing."""
    waiting = {
        pool.method: secret.alternated(pool.conditions, pool.label, place * n, "turing", pool.method)
        for place, pool in enumerate(pools)
    }
    found, asked = [], len(used)
    for _ in range(n):
        for pool in pools:
            free = next((one for one in waiting[pool.method] if one not in used), None)
            if free is None:
                raise ConfigError(
                    f"The set of {pool.method} has too few masks, because no mask may be in two questions",
                    got=f"{len(pool.conditions)} masks for {asked} questions of preference and {n} images of each of "
                    f"{len(pools)} sets in the Turing test",
                    fix="ask fewer questions: --preference N, --turing N",
                )
            used.add(free)
            found.append(_of_set(pool, free, secret))
    return found


def _of_set(pool: Pool, condition: str, secret: Secret) -> tuple[KeyImage, _Array]:
    index = pool.conditions[condition]
    record = pool.content.metadata[index]
    about = KeyImage(
        name=secret.name("image", pool.method, record.id),
        origin=SYNTHETIC,
        method=pool.method,
        sample=record.id,
        group=record.group,
        label=pool.label(condition),
    )
    return about, pool.content.image(index)


def _real(real: Sequence[RealImage], n: int, secret: Secret) -> list[tuple[KeyImage, _Array]]:
    if len(real) < n:
        fix = "ask about fewer images: --turing N"
        raise ConfigError(f"The Turing test needs {n} real images", got=f"{len(real)}", fix=fix)
    chosen = secret.alternated(real, lambda image: image.label, 0, "real")[:n]
    return [
        (
            KeyImage(
                name=secret.name("image", REAL, one.id), origin=REAL, sample=one.id, group=one.group, label=one.label
            ),
            one.image,
        )
        for one in chosen
    ]


def _check_sizes(made: Draft) -> None:
    """Refuse images of several sizes, which would tell them apart."""
    sizes: dict[tuple[int, ...], str] = {}
    for name, pixels in made.pixels.items():
        sizes.setdefault(pixels.shape, made.images[name].sample)
    if len(sizes) > 1:
        got = ", ".join(f"{sample}: {shape[1]}x{shape[0]}" for shape, sample in sizes.items())
        raise DataError("The images of a study must have one size", got=got)


def by_name(questions: Sequence[KeyQuestion]) -> Mapping[str, KeyQuestion]:
    """Return questions by name."""
    return {question.name: question for question in questions}
