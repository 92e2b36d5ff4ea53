"""Migrations: steps that were begun and never finished."""
