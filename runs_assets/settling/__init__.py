"""When a day is settled, when it is done, and what is due next: pure functions of the stored files."""
