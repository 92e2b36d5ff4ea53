"""Findings: judge the rows of collectors, and generate alert rules."""
