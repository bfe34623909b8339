"""Policies that were made elsewhere, run here by our own code: no remote code, no pickles at run time."""
