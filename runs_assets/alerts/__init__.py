"""Notifications: observation, then decisions about incidents, then words, then delivery."""
