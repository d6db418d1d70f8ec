"""Reads what services show to Prometheus, and the table of docs/metrics.md that says what it is."""

import collections
import dataclasses
import pathlib
import re
import urllib.request

SAMPLE = re.compile(r'([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)",?')
# What histograms and summaries put behind their name.
PARTS = ("_bucket", "_sum", "_count")
DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
EVERYWHERE = ("gateway", "rest", "stacks", "quota", "runner")


@dataclasses.dataclass
class Family:
    kind: str
    # (name as it stands, labels, value).
    samples: list = dataclasses.field(default_factory=list)

    def labels(self):
        """Names of the labels of each sample, without those that belong to the type."""
        return {frozenset(labels) - {"le", "quantile"} for _, labels, _ in self.samples}


class Scrape(dict):
    """Families by name, as one service showed them."""

    def __init__(self, text):
        super().__init__()
        self.text = text
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                self[name] = Family(kind)
            elif line and not line.startswith("#"):
                name, labels, value = SAMPLE.fullmatch(line).groups()
                self[self._family_of(name)].samples.append(
                    (name, dict(LABEL.findall(labels or "")), float(value)))

    def _family_of(self, name):
        if name in self:
            return name
        for part in PARTS:
            if name.endswith(part) and name.removesuffix(part) in self:
                return name.removesuffix(part)
        raise AssertionError(f"{name} is not shown")

    def value(self, name, **labels):
        """The value of the one sample with exactly these labels; None when there is none."""
        for sample, its, value in self[self._family_of(name)].samples:
            if sample == name and its == labels:
                return value
        return None

    def sum(self, name, **labels):
        """Sum over the samples that have these labels, whatever others they have."""
        return sum(value for sample, its, value in self[self._family_of(name)].samples
                   if sample == name and labels.items() <= its.items())

    def series(self):
        return sum(len(family.samples) for family in self.values())


def scrape(address):
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=30) as page:
        return Scrape(page.read().decode())


Documented = collections.namedtuple("Documented", "kind labels meaning")


def documented():
    """By service, and by name: what docs/metrics.md says of its metrics."""
    services, found = (), {service: {} for service in EVERYWHERE}
    for line in DOCS.read_text().splitlines():
        if line.startswith("## "):
            title = line[3:].split(": ")[-1]
            services = EVERYWHERE if title == "All services" else title.split(", ")
        elif line.startswith("| `"):
            name, kind, labels, meaning = [cell.strip() for cell in line.strip("|").split("|")]
            for service in services:
                found[service][name.strip("`")] = Documented(
                    kind, frozenset(re.findall(r"`(\w+)`", labels)), meaning)
    return found
