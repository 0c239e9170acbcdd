"""A subset of a dataset is a dataset."""

from bench.contract import Dataset
from downstream.subset import Subset
from tests.toy import NucleiDataset


def test_everything_is_that_of_the_chosen_samples() -> None:
    whole = NucleiDataset(5, 24)
    part = Subset(whole, [3, 1])
    assert isinstance(part, Dataset)
    assert len(part) == 2
    assert part.info == whole.info
    assert list(part.ids) == [whole.ids[3], whole.ids[1]]
    assert list(part.groups) == [whole.groups[3], whole.groups[1]]
    assert list(part.records) == [whole.records[3], whole.records[1]]
    assert [part[index].id for index in range(2)] == list(part.ids)


def test_digests_differ_by_samples_and_order() -> None:
    one, other = NucleiDataset(5, 24), NucleiDataset(5, 24, seed=1)
    subsets = (Subset(one, [3, 1]), Subset(one, [1, 3]), Subset(one, [3]), Subset(other, [3, 1]), one)
    assert len({subset.digest for subset in subsets}) == 5
    assert Subset(one, [3, 1]).digest == Subset(NucleiDataset(5, 24), [3, 1]).digest
