"""The bench's figures as SVG, bars or curves, drawn without a library."""

import math
from collections.abc import Sequence
from pathlib import Path

_BAR, _GAP, _LEFT, _WIDTH = 18, 8, 130, 480


def draw(
    path: Path,
    ratios: dict[str, float],
    title: str = "Median time as a multiple of the bare loop's",
) -> None:
    """Write horizontal bars, one a ratio."""
    longest = max(ratios.values(), default=1.0)
    rows = []
    for index, (name, ratio) in enumerate(ratios.items()):
        top = _GAP + index * (_BAR + _GAP)
        width = ratio / longest * _WIDTH
        rows.append(
            f'<text x="{_LEFT - 8}" y="{top + 13}" text-anchor="end">{name}</text>'
            f'<rect x="{_LEFT}" y="{top}" width="{width:.1f}" height="{_BAR}" fill="#3b6ea5"/>'
            f'<text x="{_LEFT + width + 6:.1f}" y="{top + 13}">{ratio:.1f}</text>'
        )
    height = _GAP + len(ratios) * (_BAR + _GAP)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + 60}" height="{height}"'
        ' font-family="sans-serif" font-size="12">'
        f"<title>{title}</title>"
    )
    path.write_text(f"{head}{''.join(rows)}</svg>\n", encoding="utf-8")


_COLOURS = (
    "#3b6ea5", "#c0504d", "#6a9a3b", "#8064a2", "#2aa5a0", "#d98a29", "#7f7f7f", "#b5459c",
    "#4f81bd", "#a0522d", "#556b2f", "#1f1f1f", "#e377c2",
)  # fmt: skip
_PLOT_WIDTH, _PLOT_HEIGHT, _MARGIN, _LEGEND = 520, 360, 56, 230


def draw_growth(
    path: Path, sizes: Sequence[int], curves: dict[str, list[float]], title: str, x_label: str
) -> None:
    """Write one curve a request: milliseconds over the size of the store, both logarithmic."""
    drawn = {name: values for name, values in curves.items() if len(values) == len(sizes)}
    values = [value for several in drawn.values() for value in several]
    low, high = 10 ** math.floor(math.log10(min(values))), 10 ** math.ceil(math.log10(max(values)))

    def x(size: float) -> float:
        first, last = math.log10(sizes[0]), math.log10(sizes[-1])
        return _MARGIN + (math.log10(size) - first) / ((last - first) or 1) * _PLOT_WIDTH

    def y(value: float) -> float:
        share = (math.log10(value) - math.log10(low)) / math.log10(high / low)
        return _MARGIN + (1 - share) * _PLOT_HEIGHT

    parts = [
        f'<text x="{x(size):.0f}" y="{_MARGIN + _PLOT_HEIGHT + 20}" text-anchor="middle">'
        f"{size:,}</text>"
        for size in sizes
    ]
    parts.append(
        f'<text x="{_MARGIN + _PLOT_WIDTH / 2:.0f}" y="{_MARGIN + _PLOT_HEIGHT + 40}"'
        f' text-anchor="middle">{x_label}</text>'
    )
    line = low
    while line <= high:
        parts.append(
            f'<line x1="{_MARGIN}" x2="{_MARGIN + _PLOT_WIDTH}" y1="{y(line):.1f}"'
            f' y2="{y(line):.1f}" stroke="#ddd"/>'
            f'<text x="{_MARGIN - 8}" y="{y(line) + 4:.1f}" text-anchor="end">{line:g} ms</text>'
        )
        line *= 10
    for index, (name, several) in enumerate(drawn.items()):
        points = " ".join(
            f"{x(size):.1f},{y(value):.1f}" for size, value in zip(sizes, several, strict=True)
        )
        parts.append(_curve(index, points, f"{name}: {several[-1]:.2f} ms"))
    width, height = _MARGIN + _PLOT_WIDTH + _LEGEND, 2 * _MARGIN + _PLOT_HEIGHT
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' font-family="sans-serif" font-size="12"><title>{title}</title>'
        f'<text x="{_MARGIN}" y="24" font-size="15">{title}</text>'
    )
    path.write_text(f"{head}{''.join(parts)}</svg>\n", encoding="utf-8")


def _curve(index: int, points: str, text: str) -> str:
    """A line and its place in the legend."""
    colour = _COLOURS[index % len(_COLOURS)]
    left, top = _MARGIN + _PLOT_WIDTH + 16, _MARGIN + 16 * index
    return (
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        f'<rect x="{left}" y="{top - 8}" width="10" height="10" fill="{colour}"/>'
        f'<text x="{left + 16}" y="{top + 1}">{_escaped(text)}</text>'
    )


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
