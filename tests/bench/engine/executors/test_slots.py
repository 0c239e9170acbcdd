"""Places for steps: accelerators are not shared unless it is allowed, other steps use what is free."""

from __future__ import annotations

from bench.engine.executors.slots import Slots


def test_a_step_that_needs_an_accelerator_never_shares_it() -> None:
    slots = Slots(4, ["0", "1"])
    first, second, third = (slots.ask(True) for _ in range(3))
    assert {first.result().accelerator, second.result().accelerator} == {"0", "1"}
    assert not third.done()
    other = slots.ask(False)
    assert other.result().accelerator is None
    slots.release(first.result())
    assert third.result().accelerator == first.result().accelerator


def test_several_steps_share_an_accelerator_if_they_may() -> None:
    slots = Slots(4, ["0"])
    shared = [slots.ask(True, sharing=3) for _ in range(4)]
    assert [one.done() for one in shared] == [True, True, True, False]
    whole = slots.ask(True)
    for one in shared[:3]:
        slots.release(one.result())
    assert shared[3].done()
    assert not whole.done()
    slots.release(shared[3].result())
    assert whole.done()


def test_no_more_steps_than_jobs_and_accelerated_ones_first() -> None:
    slots = Slots(1, ["0", "1"])
    first, second, third = slots.ask(False), slots.ask(False), slots.ask(True)
    assert [one.done() for one in (first, second, third)] == [True, False, False]
    slots.release(first.result())
    assert [one.done() for one in (second, third)] == [False, True]


def test_what_is_dropped_is_free_again() -> None:
    slots = Slots(1, ["0"])
    first, second, third = (slots.ask(True) for _ in range(3))
    slots.drop(second)  # it waits
    slots.drop(first)  # it was given
    assert third.result().accelerator == "0"
    slots.release(third.result())
    assert slots.ask(True).done()
