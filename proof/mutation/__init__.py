"""Mutation testing of the safety core: every small change to its code must make a test fail."""
