"""A simulated 7-DOF arm on a table: URDF, scene, tasks, scripted expert, environment and the simulator node."""
