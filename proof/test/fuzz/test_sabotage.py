"""Gates with one thing broken, driven as the fuzz drives them: each is caught, the sound one is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proof.fuzz import robots
from proof.fuzz.aims import Aims
from proof.fuzz.arm_driver import ArmDriver
from proof.fuzz.oracle import ArmOracle
from proof.fuzz.singles import command
from proof.fuzz.story import HOME
from vla_core.safety.gate import ArmGate, Command
from vla_core.safety.latch import emergency
from vla_core.safety.stream import Message


class Sabotaged(ArmGate):
    """A gate whose commands go through ``spoil``."""

    def __init__(self, spoil=None):
        super().__init__(robots.arm())
        self.count = 0
        self._spoil = spoil or (lambda command, count: command)

    def _through(self, command):
        if command is not None:
            self.count += 1
            command = self._spoil(command, self.count)
        return command

    def tick(self, now):
        return self._through(super().tick(now))


class IgnoresStops(Sabotaged):
    def stop(self, verdict):
        pass

    def press(self, pressed):
        pass


class StopsTooGently(Sabotaged):
    """Brakes only a third of a second after the stop."""

    def __init__(self):
        super().__init__()
        self._waits = -1

    def stop(self, verdict):
        self._waits = 36

    def tick(self, now):
        self._waits -= 1
        if self._waits == 0:
            super().stop(emergency("late"))
        return super().tick(now)


class NeverArmed(Sabotaged):
    """Talks before anybody armed it."""

    def tick(self, now):
        command = super().tick(now)
        rest = np.zeros((1, 3, 7))
        rest[0, 0] = HOME
        return command or Command(Message(np.array([0.08]), rest), None, None)


class Deaf(Sabotaged):
    """Does not notice that joint states or the clock stopped."""

    def _judge(self, clock_fault, now, time):
        pass


class ResumesAfterReset(Sabotaged):
    def __init__(self):
        super().__init__()
        self._old = None

    def _give_up(self):
        self._old = self._stream.committed
        super()._give_up()

    def reset(self, now):
        refused = super().reset(now)
        if not refused and self._old is not None:
            time = self._clock.ahead(now.steady_ns)
            self._stream.install(self._old.retimed(self._old.start, time, 1.0), time)
            self._rest_since = time
        return refused


class OpensOnStop(Sabotaged):
    def stop(self, verdict):
        super().stop(verdict)
        self._spoil = lambda command, count: replace(command, gripper=0.04)


def scene(gate):
    """A long motion of all joints; joint states stop, then a stop, a reset, silence. What the oracle says of it."""
    rng = np.random.default_rng(3)
    driver = ArmDriver(gate, HOME, rng)
    aims = Aims(rng, robots.arm_limits()[0])
    away = HOME + np.array([0.6, 0.2, 0.4, 0.3, 0.3, 0.3, 0.6])
    back = command("there", aims, [1.2], HOME)
    driver.wait(5)
    assert driver.reset() or isinstance(gate, NeverArmed)
    driver.wait(5)
    driver.offer(command("there", aims, [1.2], away, gripper_joint="finger_joint1", gripper=np.array([0.03])))
    driver.wait(40)
    driver.world.states = "none"
    driver.wait(60)
    driver.world.states = "fresh"
    driver.wait(80)
    driver.offer(back)
    driver.wait(40)
    driver.emergency_stop()
    driver.wait(70)
    driver.reset()
    driver.wait(30)
    driver.offer(back)
    driver.wait(20)
    driver.settle()
    oracle = ArmOracle(*robots.arm_limits())
    return {escape.promise for escape in oracle.judge(driver.journal)}, len(driver.journal.messages)


def changed(change, first=30):
    """Spoils message ``first`` and those after it."""

    def spoil(command, count):
        if count < first:
            return command
        message = command.message
        states = message.states.copy()
        times = change(states, message.times.copy())
        return replace(command, message=Message(message.times if times is None else times, states))

    return lambda: Sabotaged(spoil)


def jump(states, times):
    states[:, 0, 2] += 0.05


def slip(states, times):
    states[0, 0, 0] += 2e-3


def hurry(states, times):
    return times * 0.6


def roll_on(states, times):
    states[-1, 1, 0] = 1e-3


def leak(states, times):
    states[0, 2, 3] = np.nan


def stumble(states, times):
    return times[::-1] if len(times) > 1 else times * 0.0


SABOTAGE = {
    "jumps": (changed(jump), {"acceleration", "velocity", "jerk"}),
    "jumps by two milliradians": (changed(slip), {"acceleration", "velocity", "jerk"}),
    "goes too fast": (changed(hurry), {"acceleration", "velocity", "jerk"}),
    "does not end at rest": (changed(roll_on), {"ends_at_rest"}),
    "leaks NaN": (changed(leak), {"finite"}),
    "publishes times that do not rise": (changed(stumble), {"times"}),
    "publishes while disarmed": (NeverArmed, {"disarmed"}),
    "ignores the emergency stop": (IgnoresStops, {"rest"}),
    "stops late": (StopsTooGently, {"rest"}),
    "does not miss joint states": (Deaf, {"rest"}),
    "resumes an old plan": (ResumesAfterReset, {"rest"}),
    "opens the gripper on a stop": (OpensOnStop, {"gripper_stop"}),
    "never falls silent": (NeverArmed, {"silence"}),
}


def test_the_sound_gate_passes():
    found, messages = scene(Sabotaged())
    assert found == set() and messages > 200


@pytest.mark.parametrize("name", SABOTAGE)
def test_a_broken_gate_is_caught(name):
    make, expected = SABOTAGE[name]
    found, _ = scene(make())
    assert found & expected, f"a gate that {name} went unnoticed; found {found}"
