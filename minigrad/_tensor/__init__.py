"""`Tensor`: an array that remembers how it was made. `tensor.py` gathers its methods from the files beside it."""
