"""For contributors: make, execute and check the notebooks, record runs, renew the README."""
