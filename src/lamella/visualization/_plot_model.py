"""`model_to_dot` and `plot_model`: a model as a drawing."""

import os
import shutil
from typing import Any

from lamella.errors import ArgumentError
from lamella.visualization._dot import Dot
from lamella.visualization._matplotlib import library
from lamella.visualization._model_graph import Shown, graph_of_model
from lamella.visualization._model_picture import draw

__all__ = ["model_to_dot", "plot_model"]

_DIRECTIONS = ("TB", "BT", "LR", "RL")
_SPLINES = ("ortho", "curved", "polyline", "spline", "line")


def model_to_dot(
    model: Any,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: float = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Dot:
    """A model in the language of Graphviz; neither Graphviz nor pydot is needed for the text.

    Args:
        model: a built model. A model whose `call` is Python is one box.
        show_shapes: the shapes that come into each layer and that leave it.
        show_dtype: the dtypes that leave it.
        show_layer_names: the names of the layers beside their classes.
        rankdir: the way from the inputs to the outputs: "TB" (top to bottom), "BT", "LR" or "RL".
        expand_nested: whether the layers of models inside the model are drawn.
        dpi: pixels in an inch.
        subgraph: whether the text is a part for another drawing.
        show_layer_activations: the activations of layers that have one.
        show_trainable: whether the weights of each layer are trained.
        splines: how arrows run: "ortho" (right angles), "curved", "polyline", "spline" or "line".
        **kwargs: none.

    Returns:
        The drawing: `to_string()` is the text; `create_png()`, `write_svg(path)` and their like run Graphviz.

    Raises:
        NotBuiltError: when the model is not built.
        ArgumentError: for arguments that there are not.

    Example:
        >>> import lamella
        >>> model = lamella.Sequential([lamella.Input((4,)), lamella.layers.Dense(2, name="head")])
        >>> "head" in lamella.utils.model_to_dot(model).to_string()
        True
    """
    _check(rankdir, splines, kwargs)
    shown = Shown(show_shapes, show_dtype, show_layer_activations, show_trainable, expand_nested)
    graph = graph_of_model(model, shown)
    return Dot(graph, subgraph, rankdir=rankdir, dpi=dpi, splines=splines, show_layer_names=show_layer_names)


def plot_model(
    model: Any,
    to_file: Any = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: float = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Any:
    """Draw a model into a file.

    Where Graphviz is installed, its program `dot` draws; elsewhere matplotlib does, in layers of our own layout. A `.dot`
    file needs neither.

    Args:
        model: a built model. A model whose `call` is Python is one box.
        to_file: the file; its ending says the format: `.png` (also without an ending), `.svg`, `.pdf`, `.jpg`, `.dot`, ...
        show_shapes: the shapes that come into each layer and that leave it.
        show_dtype: the dtypes that leave it.
        show_layer_names: the names of the layers beside their classes.
        rankdir: the way from the inputs to the outputs: "TB" (top to bottom), "BT", "LR" or "RL".
        expand_nested: whether the layers of models inside the model are drawn.
        dpi: pixels in an inch.
        show_layer_activations: the activations of layers that have one.
        show_trainable: whether the weights of each layer are trained.
        splines: how arrows run: "ortho" (right angles), "curved", "polyline", "spline" or "line".
        **kwargs: none.

    Returns:
        In a notebook the picture; else None.

    Raises:
        NotBuiltError: when the model is not built.
        ArgumentError: for arguments or formats that there are not.
        MissingPackageError: when neither Graphviz nor matplotlib is installed.

    Example:
        >>> import os, tempfile, lamella
        >>> model = lamella.Sequential([lamella.Input((4,)), lamella.layers.Dense(2)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = os.path.join(folder, "model.dot")
        ...     lamella.utils.plot_model(model, file, show_shapes=True)
        ...     os.path.exists(file)
        True
    """
    dot = model_to_dot(
        model,
        show_shapes=show_shapes,
        show_dtype=show_dtype,
        show_layer_names=show_layer_names,
        rankdir=rankdir,
        expand_nested=expand_nested,
        dpi=dpi,
        show_layer_activations=show_layer_activations,
        show_trainable=show_trainable,
        splines=splines,
        **kwargs,
    )
    to_file = os.fspath(to_file)
    format = os.path.splitext(to_file)[1][1:].lower() or "png"
    if format == "dot":
        dot.write(to_file)
    elif shutil.which("dot"):
        dot.write(to_file, format=format)
    else:
        _draw(dot, to_file, format)
    return _in_notebook(to_file) if format in ("png", "jpg", "jpeg") else None


def _draw(dot: Dot, path: str, format: str) -> None:
    library()
    from matplotlib.backend_bases import FigureCanvasBase

    known = FigureCanvasBase.get_supported_filetypes()
    if format not in known:
        raise ArgumentError(
            f"`plot_model` writes {', '.join(sorted([*known, 'dot']))}; got to_file={path!r}. Give the file one of these "
            "endings."
        )
    draw(dot.graph, path, format, **dot.options)


def _in_notebook(path: str) -> Any:
    """The picture for the cell of a notebook; None outside of one."""
    try:
        from IPython.core.display import Image
        from IPython.core.getipython import get_ipython
    except ImportError:
        return None
    return Image(filename=path) if get_ipython() is not None else None


def _check(rankdir: str, splines: str, kwargs: dict) -> None:
    if kwargs:
        raise ArgumentError(f"Unrecognized keyword arguments: {kwargs}")
    if rankdir not in _DIRECTIONS:
        raise ArgumentError(f"`rankdir` must be one of {', '.join(_DIRECTIONS)}; got {rankdir!r}.")
    if splines not in _SPLINES:
        raise ArgumentError(f"`splines` must be one of {', '.join(_SPLINES)}; got {splines!r}.")
