"""`python -m project.unfold.theme` writes project/static/dashboard/theme.css: the colours of
project/unfold/settings.py and Unfold's own, which Unfold would write into every page."""

import os
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")

from unfold.settings import get_config
from unfold.utils import convert_color

FILE = Path(__file__).parent.parent / "static" / "dashboard" / "theme.css"


def rendered() -> str:
    config = get_config()
    lines = [f"  --border-radius: {config['BORDER_RADIUS']};"]
    for name, weights in config["COLORS"].items():
        for weight, value in weights.items():
            lines.append(f"  --color-{name}-{weight}: {convert_color(value)};")
    return "\n".join(["/* Written by `python -m project.unfold.theme`. */", ":root {", *lines, "}", ""])


if __name__ == "__main__":
    FILE.write_text(rendered())
