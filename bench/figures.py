# SPDX-License-Identifier: Apache-2.0
"""Rows of figures: {bench, name, unit, goal, samples}; goal is the most their median may be, or null."""
import statistics


class Figures:
    """The rows, in the order in which they were first added to."""

    def __init__(self):
        self.rows = {}

    def add(self, bench, name, unit, value, goal=None):
        row = self.rows.setdefault((bench, name), {"bench": bench, "name": name, "unit": unit, "goal": goal,
                                                   "samples": []})
        row["samples"].append(round(value, 3))

    def print(self):
        for r in self.rows.values():
            low, mid, high = min(r["samples"]), statistics.median(r["samples"]), max(r["samples"])
            goal = "" if r["goal"] is None else "  (goal: %g)" % r["goal"]
            print("%-9s %-58s %10.1f %10.1f %10.1f %s%s" % (r["bench"], r["name"], low, mid, high, r["unit"], goal))
