"""openpi's released client, run by a Python that has it: one JSON line with what it saw. No pytest here.

``python client_peer.py PORT STEPS TOKEN``: STEPS actions out of chunks of 8, through openpi's own chunk broker, then an
observation without a camera.
"""

from __future__ import annotations

import json
import sys

import numpy as np
from openpi_client import action_chunk_broker, websocket_client_policy

HORIZON = 8


def observation(brightness: int) -> dict[str, object]:
    image = np.full((96, 96, 3), brightness, np.uint8)
    return {
        "observation/images/front": image,
        "observation/images/wrist": image,
        "observation/state": np.zeros(8, np.float32),
        "prompt": "pick up the red cube",
    }


def main(port: int, steps: int, token: str) -> None:
    client = websocket_client_policy.WebsocketClientPolicy("127.0.0.1", port, api_key=token or None)
    broker = action_chunk_broker.ActionChunkBroker(client, HORIZON)
    rows = [broker.infer(observation(step))["actions"] for step in range(steps)]
    broker.reset()
    whole = client.infer(observation(100))
    failure = ""
    try:
        client.infer({"prompt": "no camera"})
    except RuntimeError as error:
        failure = str(error)
    seen = {
        "metadata": client.get_server_metadata(),
        "rows": np.array(rows).tolist(),
        "whole": whole["actions"].tolist(),
        "dtype": whole["actions"].dtype.str,
        "timing": whole["server_timing"],
        "failure": failure,
    }
    print("SEEN" + json.dumps(seen))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
