"""Policies, their worker process, training and export for the VLA control suite; no ROS."""
