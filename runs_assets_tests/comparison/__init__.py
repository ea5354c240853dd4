"""A fortnight of both platforms with a fault at work: what dlt and this project hold in the end, beside the truth."""
