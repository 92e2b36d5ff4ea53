"""Exposition: metrics in the text format of Prometheus, rendered before they are scraped."""
