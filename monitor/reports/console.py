"""Console of rich that leaves a closed pipe to the command line, as all other output does."""

from rich.console import Console


class Terminal(Console):
    """Where reports are printed."""

    def on_broken_pipe(self) -> None:
        """Raise the error again: rich would exit with 1, which means a warning for `check`."""
        raise BrokenPipeError
