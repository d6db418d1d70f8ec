#!/usr/bin/env python3
"""Draws the dashboards with real data, where there is no Grafana: for docs, and to look at a change.

    build/tools/py/bin/python deploy/observability/draw.py http://localhost:9090 OUT_DIR

It reads the committed definitions, asks a Prometheus what each panel asks, and lays the panels out as
they say. It knows the four kinds of panels that we use, and is no Grafana: each picture says so.
"""

import argparse
import io
import json
import math
import pathlib
import re
import time
import urllib.parse
import urllib.request

import matplotlib
import matplotlib.pyplot as plt
from PIL import Image

DASHBOARDS = pathlib.Path(__file__).resolve().parents[2] / "helm/stackyard/dashboards"
LABEL = "Drawn from the dashboard's definition by our own script, not by Grafana"
WIDTH, ROW, MARGIN, HEAD = 1500, 27, 5, 46
COLORS = {"green": "#37872d", "orange": "#e0752d", "red": "#c4162a"}
PALETTE = ["#3274d9", "#e0752d", "#56a64b", "#8f3bb8", "#c4162a", "#1f9e9e", "#b877d9", "#a16a10",
           "#5d6d7e", "#e24d8f"]
INK, GREY, PAPER = "#24292e", "#6b7280", "#f1f3f5"
STEPS = 180
# No display is needed.
matplotlib.use("Agg")


class Api:
    """What is asked of Prometheus."""

    def __init__(self, url):
        self.url = url.rstrip("/")
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def call(self, path, **arguments):
        data = urllib.parse.urlencode(arguments).encode()
        with self.opener.open(f"{self.url}/api/v1/{path}", data, timeout=60) as answer:
            return json.loads(answer.read())["data"]["result"]

    def instant(self, expr):
        return [(one["metric"], float(one["value"][1])) for one in self.call("query", query=expr)]

    def series(self, expr, start, end):
        found = self.call("query_range", query=expr, start=start, end=end,
                          step=max((end - start) / STEPS, 1))
        return [(one["metric"], [(float(at), float(value)) for at, value in one["values"]])
                for one in found]


def text_of(value, unit, decimals=None):
    """A number as people read it."""
    if math.isnan(value):
        return "no data"
    if unit == "percentunit":
        return f"{value * 100:.{1 if decimals is None else decimals}f} %"
    if unit == "bytes":
        for name in ("B", "KiB", "MiB", "GiB"):
            if abs(value) < 1024 or name == "GiB":
                return f"{value:.3g} {name}"
            value /= 1024
    if unit == "s":
        for limit, size, name in ((1e-3, 1e-6, "µs"), (1, 1e-3, "ms"), (120, 1, "s"),
                                  (7200, 60, "min"), (172800, 3600, "h")):
            if abs(value) < limit:
                return f"{value / size:.3g} {name}" if value else "0 s"
        return f"{value / 86400:.3g} d"
    suffix = {"reqps": " /s", "ops": " /s"}.get(unit, "")
    if decimals == 0 or (value == int(value) and abs(value) < 1e6):
        return f"{value:.0f}{suffix}"
    return f"{value:.3g}{suffix}"


def legend_of(template, labels):
    if not template:
        return ", ".join(labels.values())
    return re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda match: labels.get(match[1], ""), template)


class Picture:
    def __init__(self, board, api, settings):
        self.board, self.api, self.settings = board, api, settings
        rows = max(p["gridPos"]["y"] + p["gridPos"]["h"] for p in board["panels"])
        self.height = HEAD + rows * ROW + MARGIN
        self.figure = plt.figure(figsize=(WIDTH / 100, self.height / 100), dpi=100,
                                 facecolor=PAPER)

    def expr(self, target):
        text = target["expr"].replace("$__rate_interval", self.settings.rate)
        return re.sub(r'"\$namespace"', f'"{self.settings.namespace}"',
                      re.sub(r'"\$(?!namespace)\w+"', '".*"', text))

    # ---- Places, in pixels from the upper left ----------------------------------------------

    def axes(self, x, y, width, height, **more):
        return self.figure.add_axes([x / WIDTH, 1 - (y + height) / self.height, width / WIDTH,
                                     height / self.height], **more)

    def write(self, x, y, text, size=8, color=INK, **more):
        self.figure.text(x / WIDTH, 1 - y / self.height, text, fontsize=size, color=color,
                         va=more.pop("va", "top"), **more)

    def draw(self):
        self.write(MARGIN + 4, 12, self.board["title"], 13, weight="bold")
        self.write(WIDTH - 8, 16, LABEL, 8, GREY, ha="right", style="italic")
        for panel in self.board["panels"]:
            place = panel["gridPos"]
            x, y = place["x"] * WIDTH / 24 + MARGIN, HEAD + place["y"] * ROW
            width, height = place["w"] * WIDTH / 24 - 2 * MARGIN, place["h"] * ROW - MARGIN
            if panel["type"] == "row":
                self.write(x + 2, y + 8, panel["title"], 10, weight="bold")
                continue
            back = self.axes(x, y, width, height, facecolor="white")
            back.set_xticks([])
            back.set_yticks([])
            for spine in back.spines.values():
                spine.set_color("#d5d9de")
            self.write(x + 8, y + 6, panel["title"], 8, weight="bold")
            getattr(self, panel["type"])(panel, x, y + 22, width, height - 26)

    def save(self, path):
        """With few colours: pictures of lines are as good, and a third in size."""
        raw = io.BytesIO()
        self.figure.savefig(raw, format="png", facecolor=PAPER)
        plt.close(self.figure)
        Image.open(raw).convert("RGB").quantize(96, dither=Image.Dither.NONE).save(
            path, optimize=True)

    def color_at(self, panel, value):
        steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        color = steps[0]["color"]
        for step in steps[1:]:
            if value >= step["value"]:
                color = step["color"]
        return COLORS[color]

    def nothing(self, x, y, width, height, text="no data"):
        self.write(x + width / 2, y + height / 2, text, 9, GREY, ha="center", va="center")

    # ---- The kinds of panels ----------------------------------------------------------------

    def stat(self, panel, x, y, width, height):
        defaults = panel["fieldConfig"]["defaults"]
        found = self.api.series(self.expr(panel["targets"][0]), *self.settings.window)
        points = [(at, value) for at, value in (found[0][1] if found else [])
                  if not math.isnan(value)]
        if not points:
            return self.nothing(x, y, width, height)
        color = self.color_at(panel, points[-1][1])
        spark = self.axes(x + 1, y + height * .62, width - 2, height * .38 + 2)
        spark.axis("off")
        times, values = zip(*points)
        spark.fill_between(times, values, min(0, *values), color=color, alpha=.18, lw=0)
        spark.plot(times, values, color=color, lw=.8)
        spark.set_xlim(*self.settings.window)
        top = max(max(values), 1e-9)
        spark.set_ylim(min(0, *values), top * 1.15)
        self.write(x + width / 2, y + height * .34,
                   text_of(points[-1][1], defaults["unit"], defaults.get("decimals")), 19, color,
                   ha="center", va="center", weight="bold")

    def timeseries(self, panel, x, y, width, height):
        defaults = panel["fieldConfig"]["defaults"]
        unit, custom = defaults["unit"], defaults.get("custom", {})
        lines = []
        for target in panel["targets"]:
            for labels, points in self.api.series(self.expr(target), *self.settings.window):
                if not all(math.isnan(value) for _, value in points):
                    lines.append((legend_of(target.get("legendFormat"), labels), points))
        if not lines:
            return self.nothing(x, y, width, height)
        lines.sort(key=lambda line: line[0])
        legend = 34 if len(lines) > 3 else 20
        axes = self.axes(x + 58, y + 4, width - 68, height - legend - 20)
        stacked = custom.get("stacking", {}).get("mode") == "normal"
        times = sorted({at for _, points in lines for at, _ in points})
        ground = [0.0] * len(times)
        highest = 0
        for number, (_, points) in enumerate(lines):
            color = PALETTE[number % len(PALETTE)]
            known = dict(points)
            values = own = [known.get(at, math.nan) for at in times]
            if stacked:
                values = [below + (0 if math.isnan(value) else value)
                          for below, value in zip(ground, own)]
                axes.fill_between(times, values, ground, color=color, alpha=.35, lw=0)
                ground = values
            # What is nothing must not lie over what is below it.
            shown = [math.nan if stacked and not one else value for one, value in zip(own, values)]
            axes.plot(times, shown, color=color, lw=1.1)
            highest = max([highest, *(value for value in values if not math.isnan(value))])
        top = defaults.get("max") or highest * 1.12 or 1
        for step in defaults["thresholds"]["steps"][1:]:
            if custom.get("thresholdsStyle") and step["value"] <= top * 1.6:
                top = max(top, step["value"] * 1.08)
                axes.axhline(step["value"], color=COLORS[step["color"]], lw=1, ls="--")
        axes.set_ylim(0, top)
        axes.set_xlim(*self.settings.window)
        axes.yaxis.set_major_locator(plt.MaxNLocator(4))
        axes.yaxis.set_major_formatter(lambda value, _: text_of(value, unit))
        axes.xaxis.set_major_locator(plt.MaxNLocator(5))
        axes.xaxis.set_major_formatter(
            lambda at, _: time.strftime("%H:%M:%S", time.gmtime(at)))
        axes.tick_params(labelsize=7, colors=GREY, length=0)
        axes.grid(color="#e5e8eb", lw=.6)
        axes.set_axisbelow(True)
        for spine in axes.spines.values():
            spine.set_visible(False)
        self.legend([name for name, _ in lines], x + 10, y + height - legend + 8, width - 20, legend)

    def legend(self, names, x, y, width, height):
        """Names with their colours, as many as find a place."""
        at, line = x, y
        for number, name in enumerate(names):
            shown = name if len(name) < 46 else name[:44] + "…"
            needed = 16 + sum(6.8 if letter.isupper() else 5.6 for letter in shown)
            last = line + 26 > y + height - 2
            if at + needed > x + width - (60 if last and number < len(names) - 1 else 0):
                if last:
                    self.write(at, line, f"+ {len(names) - number} more", 7, GREY)
                    return
                at, line = x, line + 14
            self.figure.patches.append(plt.Rectangle(
                (at / WIDTH, 1 - (line + 7) / self.height), 11 / WIDTH, 4 / self.height,
                transform=self.figure.transFigure, color=PALETTE[number % len(PALETTE)], lw=0))
            self.write(at + 15, line, shown, 7, GREY)
            at += needed + 8

    def bargauge(self, panel, x, y, width, height):
        defaults = panel["fieldConfig"]["defaults"]
        target = panel["targets"][0]
        found = [(legend_of(target.get("legendFormat"), labels), value)
                 for labels, value in self.api.instant(self.expr(target))
                 if not math.isnan(value)][:10]
        if not found:
            return self.nothing(x, y, width, height)
        step = min(height / len(found), 34)
        top = defaults.get("max") or max(value for _, value in found) or 1
        axes = self.axes(x + 8, y, width - 70, step * len(found))
        axes.axis("off")
        axes.set_xlim(0, 1)
        axes.set_ylim(len(found), 0)
        for number, (name, value) in enumerate(found):
            color = self.color_at(panel, value)
            axes.barh(number + .66, 1, .42, color="#eceff2")
            axes.barh(number + .66, min(value / top, 1), .42, color=color)
            axes.text(0, number + .3, name, fontsize=7.5, color=INK, va="center")
            self.write(x + width - 8, y + (number + .66) * step,
                       text_of(value, defaults["unit"]), 8, color, ha="right", va="center",
                       weight="bold")
        return None

    def table(self, panel, x, y, width, height):
        rows, names, columns = {}, [], []
        for target in panel["targets"]:
            heading = f"Value #{target['refId']}" if len(panel["targets"]) > 1 else "Value"
            for labels, value in self.api.instant(self.expr(target)):
                key = tuple(sorted(labels.items()))
                names += [name for name in labels if name not in names]
                rows.setdefault(key, {})[heading] = value
            columns.append(heading)
        if not rows:
            return self.nothing(x, y, width, height)
        renamed = panel["transformations"][-1]["options"]["renameByName"]
        unit = panel["fieldConfig"]["defaults"]["unit"]
        cells = [[*names, *(renamed[column] for column in columns)]]
        for key, values in sorted(rows.items()):
            labels = dict(key)
            cells.append([*(labels.get(name, "") for name in names),
                          *(text_of(values[column], unit) if column in values else ""
                            for column in columns)])
        room = int(height // 19)
        for line, row in enumerate(cells[:room]):
            for number, cell in enumerate(row):
                right = number >= len(names)
                self.write(x + 8 + (number + right) * (width - 16) / len(row), y + 2 + line * 19,
                           cell, 8, INK if line else GREY, ha="right" if right else "left",
                           weight="normal" if line else "bold")
        if len(cells) > room:
            self.write(x + width - 8, y - 16, f"{len(cells) - 1} rows", 7, GREY, ha="right")
        return None


class Settings:
    """Which namespace and time are drawn."""

    def __init__(self, seconds, rate, namespace=".*", end=None):
        self.rate, self.namespace = rate, namespace
        end = end or time.time()
        self.window = (end - seconds, end)


def draw(url, folder, settings):
    """Draws all dashboards; answers the pictures' paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for path in sorted(DASHBOARDS.glob("*.json")):
        picture = Picture(json.loads(path.read_text()), Api(url), settings)
        picture.draw()
        paths.append(folder / f"{path.stem}.png")
        picture.save(paths[-1])
    return paths


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("prometheus", help="its address, like http://localhost:9090")
    parser.add_argument("folder", type=pathlib.Path, help="where the pictures are put")
    parser.add_argument("--minutes", type=float, default=30, help="how far back [30]")
    parser.add_argument("--rate", default="1m", help="over how long rates are taken [1m]")
    parser.add_argument("--namespace", default=".*", help="regular expression [all]")
    given = parser.parse_args()
    settings = Settings(given.minutes * 60, given.rate, given.namespace)
    for path in draw(given.prometheus, given.folder, settings):
        print(f"drew {path}, {path.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
