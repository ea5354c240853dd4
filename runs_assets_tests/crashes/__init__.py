"""Real runs in processes of their own, killed, starved of disk and set against each other."""
