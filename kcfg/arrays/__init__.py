"""Arrays: what is asked of a `.npy` file -> plan -> tiles -> result. Numpy lives here."""
