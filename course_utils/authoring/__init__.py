"""For contributors: make, execute and check notebooks, record runs, renew the README. For teachers: report, book."""
