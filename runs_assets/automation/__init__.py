"""What runs without being asked: jobs, schedules, sensors."""
