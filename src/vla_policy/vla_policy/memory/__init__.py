"""``vla policy memory PRESET``: what a model will need, before anything is allocated. Needs torch."""
