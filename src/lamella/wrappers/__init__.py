"""Models as estimators of scikit-learn (needs `pip install 'lamella[sklearn]'`)."""

from lamella._lazy import attach

_NAMES = {
    "SKLearnClassifier": ("lamella.wrappers._sklearn", "SKLearnClassifier"),
    "SKLearnRegressor": ("lamella.wrappers._sklearn", "SKLearnRegressor"),
    "SKLearnTransformer": ("lamella.wrappers._sklearn", "SKLearnTransformer"),
}

__all__ = list(_NAMES)

__getattr__, __dir__ = attach(__name__, _NAMES)
