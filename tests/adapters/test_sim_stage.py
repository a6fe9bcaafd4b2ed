"""Simulated time."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from twisted.internet.task import Clock

from cti_simulators.stage import Stage


def ticking(stage: Stage, told: list[float], count: int = 3) -> Generator[float, None, None]:
    for _ in range(count):
        told.append(stage.now)
        yield 10.0


def test_plays_at_the_natural_pace() -> None:
    clock, told = Clock(), list[float]()
    stage = Stage(clock, 1000.0)
    run = stage.play(ticking(stage, told))
    clock.advance(0)
    assert told == [1000.0]
    clock.advance(9.9)
    assert told == [1000.0]
    clock.advance(0.2)
    assert told == [1000.0, 1010.0] and not run.done
    clock.advance(20)
    assert run.done


def test_plays_faster() -> None:
    clock, told = Clock(), list[float]()
    stage = Stage(clock, 1000.0, speed=100.0)
    stage.play(ticking(stage, told))
    clock.advance(0.21)
    assert told == pytest.approx([1000.0, 1010.0, 1020.0])
    stage.speed = 1.0
    assert stage.now == pytest.approx(1021.0)
    with pytest.raises(ValueError, match="speed"):
        stage.speed = 0


def test_what_lies_in_the_past_runs_through_with_its_own_times() -> None:
    clock, told = Clock(), list[float]()
    stage = Stage(clock, 1000.0)
    stage.play(ticking(stage, told, 200), when=500.0)
    clock.pump([0] * 10)
    assert told[:2] == [500.0, 510.0] and told[-1] == 1000.0
    clock.advance(10)
    assert told[-1] == 1010.0


def test_pauses_and_steps() -> None:
    clock, told = Clock(), list[float]()
    stage = Stage(clock, 1000.0)
    stage.play(ticking(stage, told))
    clock.advance(0)
    stage.pause()
    clock.advance(100)
    assert told == [1000.0] and stage.now == 1000.0
    assert stage.step() and told == [1000.0, 1010.0]
    stage.resume()
    clock.advance(10)
    assert told[-1] == 1020.0
    assert not stage.step()


def test_a_cancelled_script_goes_no_further() -> None:
    clock, told = Clock(), list[float]()
    stage = Stage(clock, 1000.0)
    run = stage.play(ticking(stage, told))
    clock.advance(0)
    run.cancel()
    clock.advance(100)
    assert told == [1000.0] and stage.waiting == 0


def test_a_script_that_fails_does_not_stop_the_others() -> None:
    clock, told = Clock(), list[float]()
    stage = Stage(clock, 1000.0)

    def broken() -> Generator[float, None, None]:
        yield 5.0
        raise RuntimeError("broken")

    stage.play(broken())
    stage.play(ticking(stage, told))
    with pytest.raises(RuntimeError, match="broken"):
        clock.advance(5)
    clock.advance(10)
    assert told == [1000.0, 1010.0]
