"""Helpers of an interactive course on training neural networks: one short module per idea.

Importing the package itself imports nothing heavy; import what you need, for example
`from course_utils.schedules import cosine` (no torch) or `from course_utils.data import cifar10`.
"""

__version__ = "0.1.0"
