"""The yearly selection round (DOMAIN 8.7): its events, its state, and the commands that may follow."""
