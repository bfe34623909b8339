"""How the shipped policy is made: sentences, dataset, network, training, export, evaluation.

Only the modules that say so need torch; ``grammar`` needs nothing but the standard library.
"""
