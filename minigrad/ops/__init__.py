"""What can be differentiated, one family of operations per file; `getitem` and its kin are in `indexing`."""

from .arithmetic import *
from .bitwise import *
from .comparison import *
from .contraction import *
from .counting import *
from .decompositions import *
from .division import *
from .elementwise import *
from .extrema import *
from .gathering import *
from .joining import *
from .linalg import *
from .masking import *
from .maxima import *
from .norms import *
from .parts import *
from .products import *
from .reduction import *
from .repeating import *
from .rounding import *
from .scan import *
from .shape import *
from .sorting import *
from .special import *
from .statistics import *
