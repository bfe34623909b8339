"""The pictures that the node publishes, without a node."""

from __future__ import annotations

import numpy as np
import pytest

from vla_sim.robot import HOME_Q
from vla_sim.ros import cameras
from vla_sim.sampling import scene_from_seed
from vla_sim.scene import CAMERAS
from vla_sim.simulation import TabletopSim


class RecordingPublisher:
    """Stands in for CameraPublisher."""

    def __init__(self, node: None, name: str) -> None:
        self.frame_id = f"{name}_camera_optical_frame"

    def publish(self, image: np.ndarray, info: object, stamp_ns: int) -> None:
        self.image, self.info, self.stamp_ns = image.copy(), info, stamp_ns


@pytest.mark.render
def test_the_stack_sees_exactly_what_training_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    """Same pixels as TabletopSim.render, which training data come from, from scene to scene."""
    monkeypatch.setattr(cameras, "CameraPublisher", RecordingPublisher)
    published = cameras.ArmCameras(None, 96, 96)
    sim = TabletopSim()
    for seed in (5, 6):
        scene = scene_from_seed(seed)
        sim.reset(scene, HOME_Q + 0.1)
        published.render(cameras.ArmSnapshot(sim.qpos(), scene, stamp_ns=seed))
        for name in CAMERAS:
            publisher = published._publishers[name]
            np.testing.assert_array_equal(publisher.image, sim.render(name))
            assert publisher.stamp_ns == seed
            focal_px = 48.0 / np.tan(np.deg2rad(sim.model.camera(name).fovy[0]) / 2)
            assert publisher.info.k[0] == pytest.approx(focal_px), "the field of view is that of this scene"
    published.close()
    sim.close()
