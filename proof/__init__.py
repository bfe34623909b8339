"""How the gate's promises are proved."""
