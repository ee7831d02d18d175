"""What makes the larger recordings of data/recorded/, one module each. `python -m course_utils.record NAME` runs
them; the table of names is in `record.py`."""
