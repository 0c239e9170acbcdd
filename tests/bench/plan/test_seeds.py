"""The seeds of sets and networks: each with its own set, or every one with each."""

from __future__ import annotations

from bench.plan.seeds import Replicates, Under, covered, crossed, over


def test_a_seed_has_its_own_set_unless_generation_is_a_factor() -> None:
    plain = Replicates(2)
    assert plain.sets == [(0, 0), (1, 1)]
    assert plain.networks(drawn=True) == [(0, 0), (1, 1)]
    assert plain.networks(drawn=False) == [(0, 0), (1, 0)]
    assert (plain.title(Under(1, 1), drawn=True), plain.title_of_set(Under(1, 1))) == ("seed 1", "seed 1")


def test_every_seed_is_used_with_each_set() -> None:
    both = Replicates(2, 3)
    assert both.sets == [(0, 0), (0, 1), (0, 2)]
    assert both.networks(drawn=True) == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    assert both.networks(drawn=False) == [(0, 0), (1, 0)]
    assert both.title(Under(1, 2), drawn=True) == "seed 1, generation 2"
    assert both.title(Under(1, 0), drawn=False) == "seed 1"
    assert both.title_of_set(Under(0, 2)) == "generation 2"


def test_rows_over_seeds_say_how_many_there_are() -> None:
    both = Replicates(3, 2)
    assert over(both.networks(drawn=True)) == {"seed": -1, "seeds": 3, "generation": -1, "generations": 2}
    assert over(both.sets) == {"seed": 0, "seeds": 1, "generation": -1, "generations": 2}
    assert crossed(both.networks(drawn=True)) == (3, 2)
    assert crossed(both.sets) is None
    assert crossed(Replicates(3).sets) is None
    assert covered("groups+seeds", Replicates(3).sets) == "groups+seeds"
    assert covered("seeds", both.sets) == "generations"


def test_a_generator_of_its_own_has_the_seed_of_its_set() -> None:
    anew, one = Replicates(2, 3, own_generators=True), Replicates(2, 3)
    assert anew.sets == one.sets == anew.generators
    assert [anew.generator(under) for under in anew.sets] == [0, 1, 2]
    assert (one.generators, [one.generator(under) for under in one.sets]) == ([(0, 0)], [0, 0, 0])
    assert anew.networks(drawn=True) == one.networks(drawn=True)
    assert Replicates(2).generators == [(0, 0)]
