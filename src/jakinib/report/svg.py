"""Charts as SVG, drawn on the server."""

from __future__ import annotations

from typing import Any

FONT = "Helvetica, Arial, sans-serif"
#: colours that stay apart for colour-blind readers, on light and on dark ground (Okabe and Ito 2008)
LIGHT = ("#0072b2", "#c04f00", "#007a5a", "#a4447f", "#7a7200", "#4a4a4a", "#b0281c", "#4b55b5")
DARK = ("#6cb8ea", "#f0a35c", "#4fd1a5", "#e59ac6", "#d8d060", "#c8c8c8", "#f28a80", "#a3abf5")


def svg(chart: Any, *, dark: bool = False) -> str:
    """An Altair chart as SVG text, for a light or a dark page."""
    import vl_convert

    return str(vl_convert.vegalite_to_svg(chart.to_dict(), config=_config(dark)))


def _config(dark: bool) -> dict[str, Any]:
    ink, faint, ground = ("#e8e8e6", "#4a4f55", "#16191d") if dark else ("#1b1f23", "#d5d8dc", "#ffffff")
    text = {"labelColor": ink, "titleColor": ink, "labelFont": FONT, "titleFont": FONT}
    return {
        "background": ground,
        "font": FONT,
        "range": {"category": list(DARK if dark else LIGHT)},
        "view": {"stroke": None},
        "title": {"color": ink, "font": FONT, "subtitleColor": ink, "anchor": "start"},
        "text": {"color": ink, "font": FONT},
        "axis": {**text, "gridColor": faint, "domainColor": faint, "tickColor": faint, "labelFontSize": 12,
                 "titleFontSize": 12, "titleFontWeight": "normal", "labelLimit": 320},
        "header": {**text, "labelFontSize": 13, "labelFontWeight": "bold"},
        "legend": {**text, "labelFontSize": 12, "labelLimit": 320},
        "rule": {"color": ink},
    }  # fmt: skip
