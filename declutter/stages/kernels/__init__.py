"""Inner loops in C. Each has a twin in NumPy that gives the same answer; a test holds them to it."""
