"""The daemon as a target: its findings are judged once, not once for each server."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from alerts._catalogue import findings_about
from alerts.history.memory import Memory
from alerts.limits import BaseLimits
from alerts.snapshot import ServerIdentity, Snapshot, Target
from alerts.verdicts.mutes import Mute, Mutes
from alerts.verdicts.tracker import Timing, VerdictTracker
from alerts.verdicts.verdict import Verdict
from collectors._base import Answer, Kind
from collectors.daemon import DaemonState, daemon
from monitor.defects import DEFECTS
from monitor.views.overview import TargetView

NAME = "pgvigil"


def own_name(servers: Collection[str]) -> str:
    """Return the daemon's name among all targets: pgvigil, with its server's where it has one.

    Sidecars are told apart by it, and it does not change with the pod.
    """
    name = f"{NAME}@{next(iter(servers))}" if len(servers) == 1 else NAME
    while name in servers:
        name += "@"
    return name


@dataclass(slots=True)
class OwnTarget:
    """The verdicts on the daemon itself."""

    memory: Memory
    tracker: VerdictTracker = field(init=False)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    target: Target = field(init=False)

    def __post_init__(self) -> None:
        self.tracker = VerdictTracker(self.memory)
        self.target = Target(Kind.daemon, NAME)

    def judge(
        self,
        servers: Collection[str],
        state: DaemonState,
        at: float,
        limits: Mapping[str, BaseLimits],
        mutes: tuple[Mute, ...] = (),
        timing: Timing | None = None,
    ) -> TargetView:
        """Judge all findings about the daemon, and return what is then known."""
        target = Target(Kind.daemon, own_name(servers))
        if target != self.target:
            self.target = target
            self.tracker.files.clear()
        self.tracker.timing = timing or self.tracker.timing
        node = ServerIdentity(target.name)
        snapshot = Snapshot(node, at, {daemon: Answer((state,), at)})
        for name, finding in findings_about(Kind.daemon).items():
            known = limits.get(name, finding.limits)
            with DEFECTS.contained("judging", finding=name):
                self.verdicts.pop(name, None)
                verdict = self.tracker.decide(finding, snapshot, known, Mutes(mutes))
                self.verdicts[name] = verdict
        self._log_defects()
        return TargetView(target.kind, target.name, node, dict(self.verdicts))

    def _log_defects(self) -> None:
        while self.tracker.defects:
            finding, defect = self.tracker.defects.pop(0)
            DEFECTS.note("judge", defect, target=self.target.name, finding=finding.name)
