"""The bench's figures as SVG, drawn without a library: bars of ratios, curves of growth."""

import math
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import NamedTuple

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


# --- growth -----------------------------------------------------------------------------------

_PLOT_LEFT, _PLOT_WIDTH, _PLOT_HEIGHT, _LEGEND = 60, 420, 240, 270
_PANEL_HEIGHT = _PLOT_HEIGHT + 80
_COLOURS = (
    "#3b6ea5", "#c0504d", "#4f9a4f", "#8064a2", "#e08a2e", "#2aa1a8", "#b0568f", "#6b6b6b",
)  # fmt: skip
_ROUND = (1, 2, 5)
_LEAST_MS = 0.001


class Panel(NamedTuple):
    """Lines over one pair of axes, and what they must stay under."""

    title: str
    lines: dict[str, list[float]]
    most_ms: float | None = None
    """One gate for all of them: a line across."""
    most_times: float | None = None
    """A gate of each line's own, a multiple of its first value: a mark at its end."""


class _Axes:
    """Where a point of a panel lies; both axes are logarithmic."""

    def __init__(self, panel: Panel, sizes: list[int], top: float) -> None:
        times = panel.most_times or 1
        highest = [value for line in panel.lines.values() for value in (*line, line[0] * times)]
        shown = [max(value, _LEAST_MS) for value in highest]
        if panel.most_ms is not None:
            shown.append(panel.most_ms)
        self.low, self.high = min(shown) / 1.2, max(shown) * 1.2
        self._first, self._last = sizes[0], max(sizes[-1], sizes[0] + 1)
        self._bottom = top + _PLOT_HEIGHT

    def x(self, size: int) -> float:
        share = math.log(size / self._first) / math.log(self._last / self._first)
        return _PLOT_LEFT + share * _PLOT_WIDTH

    def y(self, value_ms: float) -> float:
        share = math.log(max(value_ms, _LEAST_MS) / self.low) / math.log(self.high / self.low)
        return self._bottom - share * _PLOT_HEIGHT

    def ticks(self) -> list[float]:
        """Round milliseconds between the ends."""
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        rounds = (first * 10.0**power for power in powers for first in _ROUND)
        return [value for value in rounds if self.low <= value <= self.high]


def draw_growth(path: Path, sizes: list[int], panels: list[Panel]) -> None:
    """Write curves of milliseconds over the number of workflows, a panel below the other."""
    width, height = _PLOT_LEFT + _PLOT_WIDTH + _LEGEND, len(panels) * _PANEL_HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        ' font-family="sans-serif" font-size="12">'
        f'<rect width="{width}" height="{height}" fill="white"/>'
    ]
    for index, panel in enumerate(panels):
        top = index * _PANEL_HEIGHT + 30
        axes = _Axes(panel, sizes, top)
        parts += _frame(panel, axes, sizes, top)
        for number, (name, values) in enumerate(panel.lines.items()):
            parts += _curve(panel, axes, sizes, name, values, number, top)
    path.write_text("\n".join((*parts, "</svg>")) + "\n", encoding="utf-8")


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {style}/>'


def _frame(panel: Panel, axes: _Axes, sizes: list[int], top: float) -> Iterator[str]:
    """Title, axes with their ticks, and the gate that all lines share."""
    bottom, right = top + _PLOT_HEIGHT, _PLOT_LEFT + _PLOT_WIDTH
    yield _text(_PLOT_LEFT, top - 10, panel.title)
    for value in axes.ticks():
        yield _line(_PLOT_LEFT, axes.y(value), right, axes.y(value), 'stroke="#dddddd"')
        yield _text(_PLOT_LEFT - 6, axes.y(value) + 4, f"{value:g}", "end")
    for size in sizes:
        yield _line(axes.x(size), top, axes.x(size), bottom, 'stroke="#dddddd"')
        yield _text(axes.x(size), bottom + 16, f"{size:,}".replace(",", " "), "middle")
    yield _line(_PLOT_LEFT, bottom, right, bottom, 'stroke="black"')
    yield _line(_PLOT_LEFT, top, _PLOT_LEFT, bottom, 'stroke="black"')
    yield _text(_PLOT_LEFT + _PLOT_WIDTH / 2, bottom + 32, "workflows", "middle")
    if panel.most_ms is not None:
        gate = axes.y(panel.most_ms)
        yield _line(_PLOT_LEFT, gate, right, gate, 'stroke="#d00000" stroke-dasharray="6 4"')
        yield _text(right - 4, gate - 4, f"gate {panel.most_ms:g} ms", "end")


def _curve(
    panel: Panel,
    axes: _Axes,
    sizes: list[int],
    name: str,
    values: list[float],
    number: int,
    top: float,
) -> Iterator[str]:
    """One request's line, its points, its gate and its row of the legend."""
    colour = _COLOURS[number % len(_COLOURS)]
    points = [(axes.x(size), axes.y(value)) for size, value in zip(sizes, values, strict=True)]
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    yield f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="2"/>'
    yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points)
    end = points[-1][0]
    if panel.most_times is not None:
        gate = axes.y(values[0] * panel.most_times)
        yield _line(end - 8, gate, end + 8, gate, f'stroke="{colour}" stroke-dasharray="3 2"')
    row = top + 6 + number * 18
    left = _PLOT_LEFT + _PLOT_WIDTH + 20
    yield _line(left, row, left + 16, row, f'stroke="{colour}" stroke-width="2"')
    yield _text(left + 22, row + 4, f"{name} {values[-1]:.2f} ms")
