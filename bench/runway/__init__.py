"""Forecasts against series that were drawn: who was warned in time, and who was warned falsely."""
