"""CloudCruise: one workspace's runs, by its API key."""
