#!/usr/bin/python3
"""JSON lines of search-regret.py to `{problem: {sampler: [[regret at 30, 100, 300] per seed]}}`."""
import json, sys

table = {}
for line in open(sys.argv[1]):
    row = json.loads(line)
    table.setdefault(row["problem"], {}).setdefault(row["sampler"], {})[row["seed"]] = row["regret"]
rows = {p: {s: [seeds[k] for k in sorted(seeds)] for s, seeds in of.items()} for p, of in table.items()}
with open(sys.argv[2], "w") as out:
    out.write("{\n" + ",\n".join(f' "{p}": {{\n' + ",\n".join(f'  "{s}": {json.dumps([[float(f"{v:.6g}") for v in r] for r in seeds])}' for s, seeds in of.items()) + "\n }" for p, of in rows.items()) + "\n}\n")
