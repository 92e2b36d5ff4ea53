"""Configuration: reading, validating, documenting and reloading the settings."""

from monitor.lean_imports import nothing, without

# pydantic would look for plug-ins in all installed packages.
UNUSED = {
    "importlib.metadata": nothing("entry_points"),
    "importlib.resources": nothing(),
    "importlib.resources.abc": nothing("Traversable"),
}
with without(UNUSED):
    import pydantic.plugin._loader  # noqa: F401
    import pydantic_settings  # noqa: F401
