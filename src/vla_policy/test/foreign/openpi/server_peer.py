"""openpi's released server, run by a Python that has it, around a policy that answers with what it was shown.

``python server_peer.py PORT``. Joint k of action i is ``brightness + i + k / 10``, of the front image's first pixel;
the gripper's column is ``len(prompt)``. A brightness of 255 makes the policy fail, of 254 return NaN, of 253 a chunk
that is too short; 252 makes it hang for 5 s.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from openpi_client import base_policy
from openpi_server import websocket_policy_server


class Shown(base_policy.BasePolicy):
    def infer(self, obs: dict) -> dict:
        brightness = int(obs["observation/exterior_image_1_left"][0, 0, 0])
        if brightness == 255:
            raise ValueError("the policy stumbled")
        if brightness == 252:
            time.sleep(5.0)
        joints, gripper = obs["observation/joint_position"], obs["observation/gripper_position"]
        assert joints.shape == (7,) and gripper.shape == (1,)
        actions = brightness + np.arange(8.0)[:, None] + np.append(np.arange(7.0) / 10, 0.0)
        actions[:, 7] = len(obs["prompt"])
        if brightness == 254:
            actions[3, 2] = np.nan
        return {"actions": actions[:5] if brightness == 253 else actions, "policy_timing": {"infer_ms": 1.5}}


if __name__ == "__main__":
    websocket_policy_server.WebsocketPolicyServer(
        Shown(), "127.0.0.1", int(sys.argv[1]), {"reset_pose": [0.0, 0.5]}
    ).serve_forever()
