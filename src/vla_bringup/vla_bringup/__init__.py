"""Launch files, robot configurations, the vla command line and the demo."""
