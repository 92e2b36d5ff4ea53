"""Migrations before they run: traced on an empty clone, with facts of the live server."""
