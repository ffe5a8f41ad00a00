"""Nothing imports what stands below it."""

import pytest
from architecture.sources import COMPUTED, Import, files, imports, unit_of_file

# From the ground up: each may import those before it. A folder that is new gets its place here.
ORDER = (
    "_version", "errors", "_lazy", "typing", "backend", "core", "tree", "distribution", "config", "dtype_policies", "ops", "random",
    "activations", "initializers", "regularizers", "constraints", "quantizers", "layers", "losses", "legacy", "metrics", "optimizers",
    "mixed_precision", "data", "datasets", "training", "models", "distillation", "saving", "export", "callbacks",
    "applications", "visualization", "wrappers", "preprocessing", "utils", "_install", "cli", "__main__",
)  # fmt: skip

# Facades name what stands anywhere: the root here; `backend` and `utils` do it in tables of texts, which load lazily.
FACADES = ("lamella",)

# Calls that climb on purpose, when they are made: the lower one works without the higher, which completes it.
HOOKS = {
    ("core/_operators.py", "ops"): "`variable + 1` is the op `add`, which hands itself down when ops load",
    ("core/_serialization.py", "ops"): "a configuration may name an op",
    ("core/_variable.py", "initializers"): "a Variable may be made from the name of an initializer",
    ("ops/_image_warp.py", "random"): "an elastic deformation is drawn at random",
    ("layers/_feature_space.py", "saving"): "`FeatureSpace.save()` writes a file in a format that saving knows",
    ("models/_model.py", "callbacks"): "`fit(resume=...)` is a callback that `fit` adds",
    ("training/_callback.py", "visualization"): "`history.plot()` draws with what is there to draw",
    ("models/_model.py", "saving"): "`model.save()` writes a file in a format that saving knows",
}

# Where modules are loaded by a computed name, so that no arrow can be read: each has a table of what it may load.
BY_NAME = {
    "_lazy.py": "the public names of the facades",
    "_install.py": "lamella under the name of keras",
    "backend/_registry.py": "the adapters",
    "core/_serialization.py": "the families whose classes a configuration may name",
}


def arrows(found: list[Import]) -> list[str]:
    """The imports that climb, as the arrows to draw."""
    level = {unit: i for i, unit in enumerate(ORDER)}
    wrong = []
    for one in found:
        if one.module.startswith("."):
            wrong.append(f"{one} is relative; write it from `lamella` on")
        elif one.module.partition(".")[0] == "lamella" and one.importer not in FACADES:
            if one.imported in FACADES:
                wrong.append(f"{one} goes through the root; import from where the name lives")
            elif level[one.imported] > level[one.importer] and (one.file, one.imported) not in HOOKS:
                wrong.append(str(one))
    return wrong


def test_every_folder_has_a_place_in_the_order():
    units = {unit_of_file(file) for file in files()}
    assert units - set(ORDER) - set(FACADES) == set(), "give them a place in ORDER"


def test_imports_go_down_only():
    wrong = arrows(imports())
    assert not wrong, "\n".join(["these arrows point up:", *wrong])


def test_every_hook_is_still_there():
    climbing = {(one.file, one.imported) for one in imports() if one.lazily}
    assert set(HOOKS) <= climbing, f"take them from HOOKS: {set(HOOKS) - climbing}"


def test_modules_are_loaded_by_a_computed_name_in_few_places():
    assert {one.file for one in imports() if one.module == COMPUTED} == set(BY_NAME)


@pytest.mark.parametrize(
    "text, drawn",
    [
        ("from lamella.losses import mse", "layers -> losses (layers/_new.py:1)"),
        ("import lamella.losses._x", "layers -> losses (layers/_new.py:1)"),
        ("from lamella import ops, losses", "layers -> losses (layers/_new.py:1)"),
        ("def f():\n    from lamella import losses", "layers -> losses (layers/_new.py:2)"),
        ("import importlib\nimportlib.import_module('lamella.losses')", "layers -> losses (layers/_new.py:2)"),
        ("from lamella import Dense", "layers -> lamella (layers/_new.py:1) goes through the root"),
        ("import lamella", "layers -> lamella (layers/_new.py:1) goes through the root"),
        ("from ..losses import mse", "layers/_new.py:1) is relative"),
        ("from lamella.ops import add\nimport jax", None),
    ],
)
def test_a_wrong_arrow_is_drawn(tmp_path, text, drawn):
    for folder in ("ops", "layers", "losses"):
        (tmp_path / folder).mkdir()
    (tmp_path / "layers" / "_new.py").write_text(text)
    wrong = arrows(imports(tmp_path))
    assert wrong == [] if drawn is None else len(wrong) == 1 and drawn in wrong[0]
