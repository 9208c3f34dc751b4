"""A language model of characters: `python -m minigrad lm` trains one, `python -m minigrad generate` lets it write.

corpus.py       a text, its tokens, the part that is held out
model.py        embedding, recurrent layers, linear
carrying.py     windows of parallel streams, and a trainer that hands the recurrent state on
training.py     the step, the rate, the callbacks
generation.py   text from a model
description.py  what a checkpoint says besides weights
cli.py          the commands
"""
