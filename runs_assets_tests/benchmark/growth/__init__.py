"""What it costs to have more accounts and more years: simulated, with limits for what should not grow."""
