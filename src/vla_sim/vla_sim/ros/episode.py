"""The running episode: which scene, since when, and what the judge says. No policy may see any of it."""

from __future__ import annotations

from vla_msgs.msg import EpisodeStatus
from vla_sim.ros.messages import to_time
from vla_sim.simulation import TabletopSim
from vla_sim.spec import SceneSpec
from vla_sim.tasks import EpisodeJudge

_SENTENCES = {
    "pick": "pick up the {} cube",
    "reach": "reach the {} cube",
    "push_left": "push the {} cube to the left",
    "push_right": "push the {} cube to the right",
}


class Episode:
    """Judges ``sim`` from one scene to the next."""

    def __init__(self, sim: TabletopSim, scene: SceneSpec) -> None:
        self._sim = sim
        self.begin(scene)

    def begin(self, scene: SceneSpec) -> None:
        """``scene`` has just been put on the table."""
        state = self._sim.state()
        self.scene = scene
        self._judge = EpisodeJudge(scene.task, scene.target, state)
        self._start_s = state.time_s

    @property
    def instruction(self) -> str:
        """A plain sentence for the task."""
        return _SENTENCES[self.scene.task].format(self.scene.target)

    def status(self, stamp_ns: int) -> EpisodeStatus:
        """Judge the state now."""
        state = self._sim.state()
        verdict = self._judge.update(state)
        message = EpisodeStatus(
            seed=self.scene.seed,
            task=self.scene.task,
            target=self.scene.target,
            success=verdict.success,
            goal_reached=verdict.goal_reached,
            wrong_object=verdict.wrong_object,
            elapsed_s=state.time_s - self._start_s,
            max_limit_violation=max(self._sim.max_limit_violation, 0.0),
        )
        message.header.stamp = to_time(stamp_ns)
        message.header.frame_id = "base_link"
        return message
