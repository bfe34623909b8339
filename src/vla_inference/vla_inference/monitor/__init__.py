"""Parts of the safety monitor: ROS on the outside, ``vla_core.safety`` within."""
