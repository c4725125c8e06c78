#!/usr/bin/python3
"""Regrets of Optuna's samplers on the problems of `test/evidence/search-problems.ts`, as JSON lines.

    nice -n 15 /usr/bin/python3 test/evidence/peers/search-regret.py OUT.jsonl [SEEDS]

One line per (problem, sampler, seed): the best value so far, less the least value that there is, after
30, 100 and 300 trials of one study. Seeds go outermost, in blocks of ten, so that the file is a complete
small experiment at any time; a line that is there is not computed again.
"""
import json, math, os, sys, time, warnings

import optuna

warnings.filterwarnings("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)
BUDGETS = (30, 100, 300)


def branin(t):
    x, y = t.suggest_float("x", -5, 10), t.suggest_float("y", 0, 15)
    b, c = 5.1 / (4 * math.pi**2), 5 / math.pi
    return (y - b * x * x + c * x - 6) ** 2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10 - 0.39788735772973816


A3 = [[3, 10, 30], [0.1, 10, 35], [3, 10, 30], [0.1, 10, 35]]
P3 = [[0.3689, 0.1170, 0.2673], [0.4699, 0.4387, 0.7470], [0.1091, 0.8732, 0.5547], [0.0381, 0.5743, 0.8828]]
A6 = [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
P6 = [
    [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
    [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
    [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
    [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
]
W = [1, 1.2, 3, 3.2]


def hartmann(t, a, p, least):
    x = [t.suggest_float(f"x{i}", 0, 1) for i in range(len(a[0]))]
    return -least - sum(W[i] * math.exp(-sum(a[i][j] * (x[j] - p[i][j]) ** 2 for j in range(len(x)))) for i in range(4))


def hartmann3(t):
    return hartmann(t, A3, P3, -3.862779786949)


def hartmann6(t):
    return hartmann(t, A6, P6, -3.322368011391)


def ackley10(t):
    x = [t.suggest_float(f"x{i}", -32.768, 32.768) for i in range(10)]
    square = sum(v * v for v in x) / 10
    wave = sum(math.cos(2 * math.pi * v) for v in x) / 10
    return -20 * math.exp(-0.2 * math.sqrt(square)) - math.exp(wave) + 20 + math.e


def rosenbrock5(t):
    x = [t.suggest_float(f"x{i}", -5, 10) for i in range(5)]
    return sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(4))


def rastrigin10(t):
    x = [t.suggest_float(f"x{i}", -5.12, 5.12) for i in range(10)]
    return 100 + sum(v * v - 10 * math.cos(2 * math.pi * v) for v in x)


def mixed(t):
    """Three kinds of model, each with settings of its own, one of them below another; least value 0."""
    kind = t.suggest_categorical("kind", ["svm", "mlp", "forest"])
    if kind == "svm":
        value = 0.3 + 0.05 * (math.log10(t.suggest_float("c", 1e-3, 1e3, log=True)) - 1) ** 2
        if t.suggest_categorical("kernel", ["linear", "rbf"]) == "linear":
            return value + 0.2
        return value + 0.1 * (math.log10(t.suggest_float("gamma", 1e-4, 10, log=True)) + 2) ** 2
    if kind == "forest":
        depth, features = t.suggest_int("depth", 2, 16), t.suggest_float("features", 0.1, 1)
        return 0.1 + 0.004 * (depth - 9) ** 2 + 0.3 * (features - 0.4) ** 2
    lr = math.log10(t.suggest_float("lr", 1e-5, 1, log=True))
    layers, width = t.suggest_int("layers", 1, 4), math.log2(t.suggest_int("width", 8, 512, log=True))
    dropout = t.suggest_float("dropout", 0, 0.5)
    return 0.15 * (lr + 2.5) ** 2 + 0.05 * (layers - 2) ** 2 + 0.03 * (width - 6) ** 2 + 0.5 * (dropout - 0.2) ** 2


PROBLEMS = {
    "branin": branin,
    "hartmann3": hartmann3,
    "hartmann6": hartmann6,
    "ackley10": ackley10,
    "rosenbrock5": rosenbrock5,
    "rastrigin10": rastrigin10,
    "mixed": mixed,
}
SAMPLERS = {
    "random": lambda s: optuna.samplers.RandomSampler(seed=s),
    "tpe": lambda s: optuna.samplers.TPESampler(seed=s),
    "tpe-multivariate": lambda s: optuna.samplers.TPESampler(seed=s, multivariate=True, group=True),
}


def regrets(problem, sampler, seed):
    study = optuna.create_study(sampler=SAMPLERS[sampler](seed))
    study.optimize(PROBLEMS[problem], n_trials=max(BUDGETS))
    values = [trial.value for trial in study.trials]
    return [min(values[:n]) for n in BUDGETS]


out, seeds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 100
done = set()
if os.path.exists(out):
    with open(out) as lines:
        for line in lines:
            row = json.loads(line)
            done.add((row["problem"], row["sampler"], row["seed"]))
with open(out, "a") as sink:
    for block in range(0, seeds, 10):
        for problem in PROBLEMS:
            for sampler in SAMPLERS:
                for seed in range(block, min(seeds, block + 10)):
                    if (problem, sampler, seed) in done:
                        continue
                    start = time.process_time()
                    row = {"problem": problem, "sampler": sampler, "seed": seed, "regret": regrets(problem, sampler, seed)}
                    row["cpu_s"] = round(time.process_time() - start, 3)
                    sink.write(json.dumps(row) + "\n")
                    sink.flush()
