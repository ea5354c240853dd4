"""The report: one HTML file that says what is wrong, and everything behind it; it needs nothing but itself."""
