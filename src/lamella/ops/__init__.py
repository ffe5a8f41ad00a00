"""Pure functions of arrays, each written once over the array API standard."""

from lamella.ops import image, linalg, nn, numpy  # noqa: F401
from lamella.ops._activations import *  # noqa: F403
from lamella.ops._arithmetic import *  # noqa: F403
from lamella.ops._attention import *  # noqa: F403
from lamella.ops._bitwise import *  # noqa: F403
from lamella.ops._comparison import *  # noqa: F403
from lamella.ops._control_flow import *  # noqa: F403
from lamella.ops._convolution import *  # noqa: F403
from lamella.ops._core import *  # noqa: F403
from lamella.ops._creation import *  # noqa: F403
from lamella.ops._ctc import *  # noqa: F403
from lamella.ops._exponential import *  # noqa: F403
from lamella.ops._indexing import *  # noqa: F403
from lamella.ops._joining import *  # noqa: F403
from lamella.ops._linalg import *  # noqa: F403
from lamella.ops._math import *  # noqa: F403
from lamella.ops._nan_reductions import *  # noqa: F403
from lamella.ops._nn import *  # noqa: F403
from lamella.ops._order_statistics import *  # noqa: F403
from lamella.ops._products import *  # noqa: F403
from lamella.ops._rearrange import *  # noqa: F403
from lamella.ops._reductions import *  # noqa: F403
from lamella.ops._rounding import *  # noqa: F403
from lamella.ops._shaping import *  # noqa: F403
from lamella.ops._signal import *  # noqa: F403
from lamella.ops._sorting import *  # noqa: F403
from lamella.ops._trigonometry import *  # noqa: F403
from lamella.ops._vectorize import *  # noqa: F403
from lamella.ops._views import *  # noqa: F403
