"""What every test starts from: Keras as the oracle on JAX, programs compiled anew, shared tables importable.

Tests import what they share by its path in this folder, as in `from parity.ops._runner import Case`.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("LAMELLA_COMPILATION_CACHE", "0")

sys.path.append(str(Path(__file__).parent))
