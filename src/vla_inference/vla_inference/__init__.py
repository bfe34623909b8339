"""The ROS 2 nodes that turn observations into plans (inference_node) and plans into motion (safety_monitor)."""
