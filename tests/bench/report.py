"""Rows of results, and the table that is printed from them."""
import statistics


class Target:
    """What a row should reach: kiln at most (or at least) `factor` times what `of` names."""

    def __init__(self, of, factor, least=False):
        self.of, self.factor, self.least = of, factor, least

    def text(self):
        sign = ">=" if self.least else "<="
        if self.of == "value":
            return "%s %s" % (sign, short(self.factor))
        return "%s %s x %s" % (sign, short(self.factor), self.of)

    def met(self, row):
        """True, False, or None when one side was not measured."""
        kiln = row.median("kiln")
        base = 1 if self.of == "value" else row.median(self.of)
        if kiln is None or base is None:
            return None
        return kiln >= self.factor * base if self.least else kiln <= self.factor * base


class Row:
    """One thing that is measured: samples by side, "kiln", "packer" and "limit"."""

    def __init__(self, name, unit, *targets):
        self.name, self.unit, self.targets = name, unit, targets
        self.samples = {"kiln": [], "packer": [], "limit": []}

    def add(self, side, value):
        self.samples[side].append(value)

    def median(self, side):
        return statistics.median(self.samples[side]) if self.samples[side] else None

    def ratio(self, side):
        kiln, other = self.median("kiln"), self.median(side)
        return kiln / other if kiln is not None and other else None

    def verdict(self):
        met = [t.met(self) for t in self.targets]
        if not met or all(m is None for m in met):
            return ""
        return "MISSED" if False in met else "met"

    def data(self):
        return {"name": self.name, "unit": self.unit, "samples": self.samples,
                "kiln/packer": self.ratio("packer"), "kiln/limit": self.ratio("limit"),
                "targets": [t.text() for t in self.targets], "verdict": self.verdict()}


def short(number):
    """Three digits that matter, and thousands apart."""
    if number is None:
        return "-"
    if abs(number) >= 1000:
        return "{:,.0f}".format(number)
    return "%.3g" % number


def spread(values):
    if not values:
        return "-"
    middle = short(statistics.median(values))
    if len(values) == 1:
        return middle
    return "%s (%s..%s)" % (middle, short(min(values)), short(max(values)))


HEADINGS = ["what", "unit", "kiln", "packer", "limit", "kiln/packer", "kiln/limit", "target", ""]


def cells(row):
    return [row.name, row.unit, spread(row.samples["kiln"]), spread(row.samples["packer"]),
            spread(row.samples["limit"]), short(row.ratio("packer")), short(row.ratio("limit")),
            ", ".join(t.text() for t in row.targets), row.verdict()]


def table(rows):
    """A Markdown table, aligned, so that it can go into README.md as it is."""
    lines = [HEADINGS] + [cells(r) for r in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADINGS))]
    lines.insert(1, ["-" * w for w in widths])
    return "\n".join("| " + " | ".join(c.ljust(w) for c, w in zip(line, widths)) + " |" for line in lines)
