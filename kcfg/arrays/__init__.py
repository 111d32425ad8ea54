"""Arrays: what is asked of a `.npy` file -> plan -> tiles -> result, and what was lost. Numpy lives here."""
