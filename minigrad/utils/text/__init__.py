"""Text as numbers and back: a `Vocabulary`, parallel `streams` of a long text, `sample` from a model's scores.

>>> text = "to be, or not to be"
>>> vocabulary = Vocabulary.from_text(text)
>>> tokens = vocabulary.encode(text)
>>> streams(tokens, 2).shape  # time, streams
minigrad.Size([9, 2])
>>> vocabulary.decode(tokens[:5])
'to be'
"""

from .sampling import sample
from .streams import streams
from .vocabulary import Vocabulary

__all__ = ["Vocabulary", "sample", "streams"]
