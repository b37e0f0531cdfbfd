"""Tests of the growth chart of the benchmark: its form, its curves and its bounds."""

import xml.etree.ElementTree as ET
from pathlib import Path

from tests.bench.plot import Panel, draw_growth

SVG = "{http://www.w3.org/2000/svg}"


def drawn(path: Path, sizes: list[int], *panels: Panel) -> ET.Element:
    """Return the chart, parsed."""
    draw_growth(path / "growth.svg", sizes, list(panels))
    return ET.parse(path / "growth.svg").getroot()  # noqa: S314 - a file of this program


def points(curve: ET.Element) -> list[tuple[float, float]]:
    """Return the points of a curve."""
    pairs = (pair.split(",") for pair in curve.attrib["points"].split())
    return [(float(x), float(y)) for x, y in pairs]


def test_each_request_is_one_curve_over_a_logarithmic_axis(tmp_path: Path) -> None:
    lines = {"get": [0.1, 0.2, 0.4], "a <b>": [1.0, 1.0, 0.0]}

    chart = drawn(tmp_path, [1_000, 10_000, 100_000], Panel("p95", lines, most_times=2))

    rising, other = (points(curve) for curve in chart.iter(f"{SVG}polyline"))
    (x1, y1), (x2, y2), (x3, y3) = rising
    assert abs((x3 - x2) - (x2 - x1)) < 0.2
    assert abs((y1 - y2) - (y2 - y3)) < 0.2
    assert y1 > y2
    assert other[0][1] == other[1][1]
    texts = [text.text for text in chart.iter(f"{SVG}text")]
    assert {"p95", "get 0.40 ms", "a <b> 0.00 ms", "1 000", "100 000"} <= set(texts)


def test_a_gate_in_milliseconds_lies_across_and_above_what_keeps_it(tmp_path: Path) -> None:
    chart = drawn(tmp_path, [1_000, 10_000], Panel("p95", {"search": [5.0, 20.0]}, most_ms=50))

    (curve,) = (points(each) for each in chart.iter(f"{SVG}polyline"))
    (gate,) = (each for each in chart.iter(f"{SVG}line") if "stroke-dasharray" in each.attrib)
    assert gate.attrib["y1"] == gate.attrib["y2"]
    assert float(gate.attrib["y1"]) < min(y for _x, y in curve)
    assert "gate 50 ms" in [text.text for text in chart.iter(f"{SVG}text")]


def test_one_size_alone_is_drawn_as_points(tmp_path: Path) -> None:
    chart = drawn(tmp_path, [1_000], Panel("p95", {"get": [1.0]}, most_times=2))

    assert len(list(chart.iter(f"{SVG}circle"))) == 1
