# SPDX-License-Identifier: GPL-2.0-or-later
"""From measurements to the rows of a table."""

import csv
import json
import math
import statistics

from .variants import reference

NORMAL_95 = statistics.NormalDist().inv_cdf(0.975)


def quartiles(values):
    """Lower quartile, median, upper quartile."""
    if len(values) < 2:
        return [*values] * 3
    return statistics.quantiles(values, n=4, method="inclusive")


def goodput(result):
    """Bytes a second of one stream."""
    return result["bytes"] / result["seconds"]


def ratios(found, variant):
    """Goodput against that of the reference in the same round, for each round."""
    rounds = {name: {result["round"]: goodput(result) for result in found
                     if result["variant"] == name} for name in (variant, reference(variant))}
    return [speed / rounds[reference(variant)][number]
            for number, speed in rounds[variant].items()]


def unit(results):
    """Bytes that TCP gave the card at a time, on average; nothing if that was not counted."""
    units = sum(result.get("units", 0) for result in results)
    return round(sum(result["bytes"] for result in results) / units) if units else ""


def of_streams(variants, cpus, found):
    """A row for each variant, of streams in a guest with so many CPUs."""
    for variant in variants:
        mine = [result for result in found if result["variant"] == variant]
        low, median, high = quartiles(ratios(found, variant))
        yield {"cpus": cpus, "variant": variant,
               "MB/s": round(statistics.median(map(goodput, mine)) / 1e6),
               "against": reference(variant), "ratio": f"{median:.3f}",
               "quartiles": f"{low:.3f} to {high:.3f}", "bytes a unit": unit(mine)}


def of_modules(variants, found):
    """A row for each variant, of streams with our tls.ko and with the kernel's: the geometric
    mean of the rounds' ratios, and the interval that has it in 95 of 100 cases."""
    for variant in variants:
        mine = [result for result in found if result["variant"] == variant]
        speed = {(result["module"], result["round"]): goodput(result) for result in mine}
        logs = [math.log(speed["ours", number] / speed["stock", number])
                for number in sorted({result["round"] for result in mine})]
        mean = statistics.fmean(logs)
        spread = NORMAL_95 * statistics.stdev(logs) / math.sqrt(len(logs))
        yield {"variant": variant,
               **{f"{module} MB/s": round(statistics.median(
                   goodput(result) for result in mine if result["module"] == module) / 1e6, 1)
                  for module in ("stock", "ours")},
               "ratio": f"{math.exp(mean):.3f}",
               "95 %": f"{math.exp(mean - spread):.3f} to {math.exp(mean + spread):.3f}"}


def of_counts(counts, size):
    """A row for each variant, of guest instructions (variant -> class -> number) that it took
    to carry so many bytes."""
    for variant, mine in counts.items():
        yield {"variant": variant, "instructions a byte": f"{mine['total'] / size:.3f}",
               "against": reference(variant),
               "ratio": f"{mine['total'] / counts[reference(variant)]['total']:.3f}",
               **{name: f"{mine[name] / size:.3f}"
                  for name in ("kernel", "tls", "driver", "user")}}


def show(name, rows):
    """Print them, aligned."""
    cells = [list(rows[0])] + [[str(cell) for cell in row.values()] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells)]
    print(f"\n{name}")
    for row in cells:
        print("  " + "  ".join(map(str.ljust, row, widths)).rstrip())


def write(directory, name, rows, facts, measured):
    """The rows as NAME.csv; with what they were made of, and on what, as NAME.json."""
    with (directory / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.DictWriter(file, list(rows[0]))
        out.writeheader()
        out.writerows(rows)
    with (directory / f"{name}.json").open("w", encoding="utf-8") as file:
        json.dump({**facts, "rows": rows, "measured": measured}, file, indent=1)
