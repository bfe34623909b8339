"""Looking at a robot before anything moves: what ``vla robot check`` does."""
