"""The bench's figures as one SVG bar chart, drawn without a library."""

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
