#!/usr/bin/env python3
"""Draws the pictures of docs/observability.md: some minutes of a mesh in which stacks live.

    build/tools/py/bin/python tests/observability/pictures.py [MINUTES]
"""

import pathlib
import sys
import time

import definitions
from lives import Lives
from prometheus import Prometheus

import draw

IMAGES = definitions.ROOT / "docs/images"
MINUTES = 10


def main():
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else MINUTES
    lives = Lives()
    prometheus = None
    try:
        prometheus = Prometheus(lives.mesh.metrics)
        start = time.time()
        lives.play()
        lives.go_on(start + 60 * minutes)
        settings = draw.Settings(time.time() - start, "1m")
        for path in draw.draw(f"http://{prometheus.address}", IMAGES, settings):
            print(f"drew {path}, {path.stat().st_size // 1024} KiB")
    finally:
        if prometheus:
            prometheus.close()
        lives.close()


if __name__ == "__main__":
    main()
