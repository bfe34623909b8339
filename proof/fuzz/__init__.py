"""Generated commands against the gate of the shipped robots, judged by an oracle that shares no code with it.

``python -m proof.fuzz`` runs it; ``--replay SEED:INDEX`` shows one sequence again. docs/proof.md says what it proves.
"""
