"""Talking to a running stack by plain topics, services and the action."""
