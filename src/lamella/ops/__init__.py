from lamella.ops._activations import *  # noqa: F403
from lamella.ops._elementwise import *
from lamella.ops._math import *  # noqa: F403
from lamella.ops._nn import *  # noqa: F403
