"""Figures and the report: image grids, plots of metrics and codes, the HTML page."""
