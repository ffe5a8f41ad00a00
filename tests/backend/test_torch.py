"""What people who know PyTorch expect of the torch backend: its tensors, its graph, its `backward`, its optimizers."""

import subprocess
import sys

import numpy as np
import pytest
from backends import installed, why_not

import lamella
from lamella import layers, ops

if not installed("torch"):
    pytest.skip(why_not("torch"), allow_module_level=True)

import torch

pytestmark = pytest.mark.backends

X = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
LABELS = np.random.default_rng(1).integers(0, 3, 8)


@pytest.fixture
def use_torch():
    with lamella.backend.use("torch"):
        yield


def model():
    return lamella.Sequential([lamella.Input((4,)), layers.Dense(5, activation="tanh"), layers.Dense(3)])


def test_an_op_on_a_tensor_is_part_of_its_graph_though_jax_is_active():
    x = torch.tensor([1.0, -2.0], requires_grad=True)
    y = ops.sum(ops.relu(x) * ops.square(ops.add(x, np.float32(1))))
    assert lamella.backend.backend() == "jax" and isinstance(y, torch.Tensor)
    y.backward()
    np.testing.assert_array_equal(x.grad, [8, 0])  # of x (x + 1)², at 1


def test_backward_fills_the_gradients_of_variables(use_torch):
    net = model()
    loss_fn = lamella.losses.SparseCategoricalCrossentropy(from_logits=True)
    loss = loss_fn(LABELS, net(X))
    loss.backward()
    _, expected = lamella.value_and_grad(lambda: loss_fn(LABELS, net(X)), net.trainable_variables)()
    for variable, grad in zip(net.trainable_variables, expected, strict=True):
        assert variable.value.is_leaf and variable.value.requires_grad
        np.testing.assert_allclose(variable.value.grad, grad, rtol=1e-5, atol=1e-7)


def test_an_optimizer_of_torch_trains_the_variables(use_torch):
    net = model()
    optimizer = torch.optim.SGD([v.value for v in net.trainable_variables], lr=0.1)
    losses = []
    for _ in range(5):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(X), torch.from_numpy(LABELS))
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses == sorted(losses, reverse=True)


def test_gradients_applied_by_an_optimizer_of_lamella(use_torch):
    net = model()
    optimizer = lamella.optimizers.Adam(0.05)
    optimizer.build(net.trainable_variables)
    losses = []
    for _ in range(4):
        for variable in net.trainable_variables:
            variable.value.grad = None
        loss = ops.mean(ops.square(net(X)))
        loss.backward()
        with torch.no_grad():
            optimizer.apply([v.value.grad for v in net.trainable_variables])
        losses.append(float(loss.detach()))
    assert losses == sorted(losses, reverse=True)


def test_a_variable_stays_a_leaf_with_its_own_memory(use_torch):
    given = torch.ones(2)
    variable = lamella.Variable(given)
    given.add_(1)
    np.testing.assert_array_equal(variable.numpy(), [1, 1])
    variable.assign(variable.value * 2)
    assert variable.value.is_leaf and variable.value.requires_grad and variable.value.grad_fn is None
    assert not lamella.Variable([1.0], trainable=False).value.requires_grad
    assert not lamella.Variable([1], dtype="int32").value.requires_grad


def test_freezing_a_variable_ends_its_gradients(use_torch):
    variable = lamella.Variable([1.0, 2.0])
    variable.trainable = False
    assert not variable.value.requires_grad
    variable.trainable = True
    assert variable.value.requires_grad


def test_a_program_leads_no_graph_in_or_out(use_torch):
    net = model()
    net.compile("sgd", "mse")
    net.fit(X, np.zeros((8, 3), "float32"), verbose=0)
    assert all(v.value.is_leaf and v.value.grad is None for v in net.variables)
    assert isinstance(net.predict(X, verbose=0), np.ndarray)


def test_modules_of_torch_and_layers_stand_in_one_graph(use_torch):
    module, layer = torch.nn.Linear(4, 5), layers.Dense(3)
    loss = ops.mean(layer(ops.relu(module(torch.from_numpy(X)))))
    loss.backward()
    assert module.weight.grad is not None and layer.kernel.value.grad is not None


def test_functions_of_torch_compose_with_ops(use_torch):
    x = torch.tensor([0.3, -0.2])
    grad = torch.func.grad(lambda x: ops.sum(ops.sin(x) * ops.softmax(x)))(x)
    _, (expected,) = lamella.backend.active().value_and_grad(lambda p: ops.sum(ops.sin(p[0]) * ops.softmax(p[0])))([x])
    np.testing.assert_allclose(grad, expected, rtol=1e-6)
    rows = torch.func.vmap(lambda r: ops.logsumexp(r))(torch.ones(3, 2))
    np.testing.assert_allclose(rows, np.full(3, 1 + np.log(2)), rtol=1e-6)


def test_a_device_scope_says_where_arrays_are_made(use_torch):
    with lamella.device("cpu"):
        assert ops.zeros(2).device.type == "cpu"


@pytest.mark.parametrize(
    "name", ["sparse_categorical_crossentropy", "layer_normalization", "rms_normalization", "gelu"]
)
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_an_override_answers_as_the_portable_op(use_torch, name, dtype):
    x = torch.tensor(X).to(getattr(torch, dtype))
    arguments = {
        "sparse_categorical_crossentropy": [
            ((torch.tensor([0, 1, 3, 2, 0, 1, 2, 3]), x), {"from_logits": True}),
            ((torch.tensor([0, -1, 3, 2, 0, 4, 2, 3]), x), {"from_logits": True}),
            ((torch.tensor([[0], [1], [3], [2], [0], [1], [2], [3]]), ops.softmax(x)), {}),
        ],
        "layer_normalization": [
            ((x,), {}),
            ((x, x[0], x[1]), {"epsilon": 1e-3}),
            ((x, None, x[1]), {"axis": 1}),
            ((x, x[:, 0], x[:, 1]), {"axis": 0}),
            ((x.reshape(2, 4, 4), x[:4], x[4:]), {"axis": (1, 2)}),
        ],
        "rms_normalization": [((x,), {}), ((x, x[0]), {"epsilon": 1e-3}), ((x,), {"axis": 0})],
        "gelu": [((x,), {}), ((x, False), {})],
    }[name]
    function = getattr(ops, name)
    tolerance = {"float32": 1e-5, "float64": 1e-10, "bfloat16": 2e-2}[dtype]
    for args, kwargs in arguments:

        def gradient(fn, args=args, kwargs=kwargs):
            leaves = [a.detach().requires_grad_() if torch.is_tensor(a) and a.is_floating_point() else a for a in args]
            out = fn(*leaves, **kwargs)
            (out * torch.arange(out.numel()).reshape(out.shape)).sum().backward()
            return [out.detach(), *(leaf.grad for leaf in leaves if torch.is_tensor(leaf) and leaf.requires_grad)]

        for got, expected in zip(gradient(function), gradient(function.portable), strict=True):
            assert got.dtype == expected.dtype
            torch.testing.assert_close(got, expected, rtol=tolerance, atol=tolerance * 10)


def test_the_environment_chooses_torch():
    code = (
        "import sys, lamella; assert 'torch' not in sys.modules; "
        "print(type(lamella.ops.ones(2)).__name__, lamella.backend.backend(), 'jax' in sys.modules)"
    )
    out = subprocess.run(
        [sys.executable, "-c", code],
        env={**__import__("os").environ, "LAMELLA_BACKEND": "torch"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert out.stdout.split() == ["Tensor", "torch", "False"]
