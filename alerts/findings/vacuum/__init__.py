"""Vacuum: dead rows that stay, statistics that are old, and why."""
