"""One folder a lesson: its exercises, the pictures only it shows, and what made its recorded runs."""
