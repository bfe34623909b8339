"""ROS-free core of the VLA control suite: what the nodes, the policies and the simulator agree on."""
