"""What every test can ask for; the docstrings in `fixtures/` tell how."""

from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, and nothing about the code.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

pytest_plugins = [
    "tests.fixtures.requirements",
    "tests.fixtures.run_folder",
    "tests.fixtures.tiers",
    "tests.fixtures.garbage",
    "tests.fixtures.constants",
    "tests.fixtures.tally",
    "tests.fixtures.postgres",
    "tests.fixtures.replication",
    "tests.fixtures.lock_stage",
    "tests.fixtures.programs",
    "tests.fixtures.pooler",
    "tests.fixtures.daemon",
    "tests.fixtures.printed_sql",
    "tests.fixtures.traps",
    "tests.fixtures.log_output",
]
