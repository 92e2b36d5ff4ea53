"""What every test can ask for; the docstrings in `fixtures/` tell how."""

pytest_plugins = [
    "tests.fixtures.requirements",
    "tests.fixtures.run_folder",
    "tests.fixtures.tiers",
    "tests.fixtures.tally",
    "tests.fixtures.postgres",
    "tests.fixtures.lock_stage",
    "tests.fixtures.programs",
    "tests.fixtures.daemon",
    "tests.fixtures.printed_sql",
    "tests.fixtures.traps",
]
