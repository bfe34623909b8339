"""Planner against gate: what the gate makes of the shipped policy's plans, in lock-step.

The planner clamps, the gate rejects, and neither shares code with the other beyond types and limits. So where all of
the planner's plans pass, both agree about the limits; where the gate repairs one, one of the two is wrong.
"""
