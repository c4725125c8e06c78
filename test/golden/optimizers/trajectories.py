"""Whole trainings by other libraries, for optimizers.test.ts: initial weights, rows, the order of
batches and the weights after 1, 10 and 50 steps of each optimizer with its own defaults.

python3 trajectories.py > trajectories.json    (PyTorch 1.13, scikit-learn 1.2)
"""

import json
import sys

import numpy as np
import sklearn
import torch
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

INPUTS, HIDDEN, CLASSES, ROWS, BATCH, STEPS = 5, 7, 3, 40, 8, 50
MARKS = (1, 10, 50)

rng = np.random.default_rng(7)
x = rng.normal(size=(ROWS, INPUTS)).astype(np.float32)
y = rng.integers(0, CLASSES, ROWS)
start = [
    (rng.normal(size=shape) * 0.5).astype(np.float32)
    for shape in ((INPUTS, HIDDEN), (HIDDEN,), (HIDDEN, CLASSES), (CLASSES,))
]
batches = [rng.permutation(ROWS)[:BATCH] for _ in range(STEPS)]


def flat(tensors):
    return [float(v) for t in tensors for v in np.asarray(t, dtype=np.float64).ravel()]


def loss_of(parameters, rows):
    w1, b1, w2, b2 = parameters
    inputs = torch.tensor(x[rows], dtype=w1.dtype)
    logits = torch.tanh(inputs @ w1 + b1) @ w2 + b2
    return torch.nn.functional.cross_entropy(logits, torch.tensor(y[rows]))


def by_torch(make):
    parameters = [torch.tensor(p, dtype=torch.float64, requires_grad=True) for p in start]
    optimizer = make(parameters)
    path = {}
    for step, rows in enumerate(batches, 1):
        optimizer.zero_grad()
        loss_of(parameters, rows).backward()
        optimizer.step()
        if step in MARKS:
            path[step] = flat(p.detach() for p in parameters)
    return path


def by_sklearn(make):
    parameters = [p.astype(np.float64) for p in start]
    optimizer = make(parameters)
    path = {}
    for step, rows in enumerate(batches, 1):
        live = [torch.tensor(p, requires_grad=True) for p in parameters]
        loss_of(live, rows).backward()
        grads = [p.grad.numpy() for p in live]
        try:
            optimizer.update_params(parameters, grads)
        except TypeError:
            optimizer.update_params(grads)
        if step in MARKS:
            path[step] = flat(parameters)
    return path


optim = torch.optim
trajectories = {
    "torch-sgd": by_torch(lambda p: optim.SGD(p, lr=0.001)),
    "torch-adagrad": by_torch(optim.Adagrad),
    "torch-rmsprop": by_torch(optim.RMSprop),
    "torch-adam": by_torch(optim.Adam),
    "torch-adamw": by_torch(optim.AdamW),
    "torch momentum": by_torch(lambda p: optim.SGD(p, lr=0.05, momentum=0.9)),
    "torch nesterov": by_torch(lambda p: optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True)),
    "sklearn-sgd": by_sklearn(lambda p: SGDOptimizer(p, 0.001)),
    "sklearn-adam": by_sklearn(AdamOptimizer),
}

json.dump(
    {
        "versions": {"torch": torch.__version__, "sklearn": sklearn.__version__},
        "shape": {"inputs": INPUTS, "hidden": HIDDEN, "classes": CLASSES, "batch": BATCH},
        "x": flat([x]),
        "y": [int(v) for v in y],
        "start": flat(start),
        "batches": [[int(r) for r in rows] for rows in batches],
        "trajectories": trajectories,
    },
    sys.stdout,
)
