"""A picture becomes candidates for digits: NumPy, Pillow and SciPy, no network."""
