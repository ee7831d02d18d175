"""Pictures and explorers that one lesson has to itself. What several lessons share lies one folder up: `live.py`
(sliders and a picture), `explore.py` (schedules), `run_explorer.py` (recorded runs), `plots.py`, `line_figure.py`."""
