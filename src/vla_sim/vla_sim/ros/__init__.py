"""The parts of sim_node: pacing, message conversion, the physics and render threads, and the two robots."""
