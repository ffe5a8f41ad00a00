"""Rows of mixed columns (numbers, categories, text codes) through a FeatureSpace into a small network.

The data is drawn here: whether a customer buys depends on the age, on the income, on the town, and on the town together
with the kind of contract. Run it:

    python examples/structured_data.py
"""

import numpy as np

import lamella as keras
from lamella.utils import FeatureSpace

TOWNS = np.array(["Ahlen", "Brilon", "Coesfeld", "Detmold"])
CONTRACTS = np.array(["none", "monthly", "yearly"])


def customers(count: int, seed: int) -> tuple[dict, np.ndarray]:
    """Columns, and 1.0 for those who buy."""
    draw = np.random.default_rng(seed)
    town, contract = draw.integers(0, 4, count), draw.integers(0, 3, count)
    columns = {
        "age": draw.uniform(18, 90, count),
        "income": draw.lognormal(10, 0.5, count),
        "town": TOWNS[town],
        "contract": CONTRACTS[contract],
        "code": np.array([f"{n:05d}" for n in draw.integers(0, 100000, count)]),
    }
    score = (columns["age"] - 54) / 15 + np.log(columns["income"] / 22026) * 2 + (town == 1) - 2.0 * (town == contract)
    return columns, (score + draw.normal(0, 0.3, count) > 0).astype("float32")


def main() -> float:
    """Train, and return the accuracy on customers that were not trained on."""
    keras.utils.set_random_seed(1)
    columns, buys = customers(4000, seed=0)
    space = FeatureSpace(
        {
            "age": "float_normalized",
            "income": FeatureSpace.float_discretized(num_bins=20),
            "town": "string_categorical",
            "contract": "string_categorical",
            "code": FeatureSpace.string_hashed(num_bins=8),
        },
        crosses=[("town", "contract")],
        crossing_dim=32,
    )
    space.adapt(columns)

    encoded = space.get_encoded_features()
    hidden = keras.layers.Dense(32, activation="relu")(encoded)
    model = keras.Model(encoded, keras.layers.Dense(1, activation="sigmoid")(hidden))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.fit(space(columns), buys, epochs=12, batch_size=64, verbose=0)

    others, bought = customers(1000, seed=1)
    accuracy = model.evaluate(space(others), bought, verbose=0, return_dict=True)["accuracy"]
    print(f"accuracy on new customers: {accuracy:.3f}")

    whole = keras.Model(space.get_inputs(), model(encoded))  # reads the columns as they come
    first = {name: column[:3].reshape(-1, 1) for name, column in others.items()}
    print("chances of the first three:", np.round(np.asarray(whole(first))[:, 0], 2))
    return accuracy


if __name__ == "__main__":
    main()
