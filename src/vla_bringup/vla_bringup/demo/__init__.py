"""``vla demo``: a series of instructions through the whole stack, judged by the simulator."""
