"""The fault matrix: real processes, one fault at a time while the arm moves, and what came of it, measured."""
