"""Indexes: one that no query uses, and one that is missing (`indexes.sql`)."""

PLANTED = ("index_unused",)
