"""Array libraries, devices, dtypes and random numbers: the only place that knows NumPy from CuPy."""
