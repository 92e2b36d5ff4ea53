"""Metrics of pgvigil itself and of its verdicts: names, labels and HELP texts."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OwnMetric:
    """A metric family `pgvigil_*`; samples about one server have the label `server`."""

    name: str
    type: str
    help: str
    labels: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name


UP = OwnMetric(
    "pgvigil_up", "gauge", "Whether the standing session to this server answers.", ("server",)
)
CAN_CONNECT = OwnMetric(
    "pgvigil_can_connect",
    "gauge",
    "Whether the last attempt to open a new session succeeded, and the reason if not.",
    ("server", "reason"),
)
SERVER_INFO = OwnMetric(
    "pgvigil_server_info",
    "gauge",
    "Identity and version of this server; the value is always 1.",
    ("server", "system_identifier", "cluster", "role", "version", "timeline"),
)
SERVER_TIME = OwnMetric(
    "pgvigil_server_time_seconds_total",
    "counter",
    "Time that queries of pgvigil took on this server, with all that they waited for.",
    ("server",),
)
SERVER_WORK = OwnMetric(
    "pgvigil_server_work_seconds_total",
    "counter",
    "Work of this server for queries of pgvigil, an estimate; the budget limits it.",
    ("server",),
)
ROUNDS_LEFT_OUT = OwnMetric(
    "pgvigil_server_work_rounds_left_out_total",
    "counter",
    "Queries that the estimate of the work was not made of, because the machine was busy.",
    ("server",),
)
LANE_STRETCH = OwnMetric(
    "pgvigil_lane_stretch_ratio",
    "gauge",
    "Current time between two queries of the lane's slowest collector, by its set pace.",
    ("server", "lane"),
)
SESSIONS = OwnMetric(
    "pgvigil_sessions", "gauge", "Sessions of pgvigil on this server.", ("server",)
)
DATABASES = OwnMetric(
    "pgvigil_databases", "gauge", "Watched databases of this server.", ("server",)
)

LOCK_LOOK_INTERVAL = OwnMetric(
    "pgvigil_lock_look_interval_seconds",
    "gauge",
    "Current time between two queries of the locks; shorter while sessions wait.",
    ("server",),
)
LOCK_MEMORY = OwnMetric(
    "pgvigil_lock_memory_entries",
    "gauge",
    "Number of stored observations of lock orders; it is bounded.",
    ("server",),
)
LOCK_WAITING_MOST = OwnMetric(
    "pgvigil_lock_waiting_sessions_max",
    "gauge",
    "Maximum number of sessions waiting for locks, within a minute or two scrape intervals.",
    ("server",),
)
LOCK_CHAIN_MOST = OwnMetric(
    "pgvigil_lock_chain_sessions_max",
    "gauge",
    "Maximum length of a chain of lock waits, within a minute or two scrape intervals.",
    ("server",),
)
LOCK_FAN_IN_MOST = OwnMetric(
    "pgvigil_lock_fan_in_sessions_max",
    "gauge",
    "Maximum number of sessions waiting for one session, within a minute or two scrape intervals.",
    ("server",),
)
LOCK_WAITING_SECONDS = OwnMetric(
    "pgvigil_lock_waiting_session_seconds_total",
    "counter",
    "Total seconds that sessions have waited for locks; its rate is the mean number of waiters.",
    ("server",),
)
LOCK_CHAIN_SECONDS = OwnMetric(
    "pgvigil_lock_chain_session_seconds_total",
    "counter",
    "Length of the longest chain of lock waits, integrated over time; its rate is the mean length.",
    ("server",),
)
LOCK_FAN_IN_SECONDS = OwnMetric(
    "pgvigil_lock_fan_in_session_seconds_total",
    "counter",
    "Maximum number of sessions waiting for one, integrated over time; its rate is the mean.",
    ("server",),
)

FINDING_STATE = OwnMetric(
    "pgvigil_finding_state",
    "gauge",
    "1 for the current state of the finding; other states are absent.",
    ("server", "finding", "state"),
)
FINDING_SUBJECTS = OwnMetric(
    "pgvigil_finding_subjects",
    "gauge",
    "Ill subjects at or above this severity; absent if there are none, or none is known.",
    ("server", "finding", "severity"),
)
FINDING_SUBJECT = OwnMetric(
    "pgvigil_finding_subject",
    "gauge",
    "The measured value of the worst ill subjects, in the unit of the finding.",
    ("server", "finding", "database", "subject", "severity"),
)
FINDING_MUTED = OwnMetric(
    "pgvigil_finding_muted",
    "gauge",
    "Muted ill subjects, if there are any.",
    ("server", "finding"),
)
FINDING_JUDGED = OwnMetric(
    "pgvigil_finding_judged",
    "gauge",
    "Objects that were judged, where others could not be.",
    ("server", "finding"),
)
FINDING_UNJUDGED = OwnMetric(
    "pgvigil_finding_unjudged",
    "gauge",
    "Objects, or groups of objects, that could not be judged, by reason.",
    ("server", "finding", "reason"),
)
FINDING_EVENTS = OwnMetric(
    "pgvigil_finding_events_total",
    "counter",
    "Number of events since the daemon started to watch this server.",
    ("server", "finding"),
)
FINDING_VERDICT_TIMESTAMP = OwnMetric(
    "pgvigil_finding_verdict_timestamp_seconds",
    "gauge",
    "When the finding was last judged, in unix time; only of findings that are overdue.",
    ("server", "finding"),
)
VERDICTS_OVERDUE = OwnMetric(
    "pgvigil_verdicts_overdue_timestamp_seconds",
    "gauge",
    "Unix time until which all verdicts are recent; later the first of them is overdue.",
    ("server",),
)

FINDING_FACTS_TIMESTAMP = OwnMetric(
    "pgvigil_finding_facts_timestamp_seconds",
    "gauge",
    "When the oldest facts of an ill finding were read, in unix time; absent if it is not ill.",
    ("server", "finding"),
)
FINDINGS_OLD = OwnMetric(
    "pgvigil_findings_with_old_facts",
    "gauge",
    "Findings whose facts are older than two paces of their collectors, if there are any.",
    ("server",),
)

INCIDENT = OwnMetric(
    "pgvigil_incident",
    "gauge",
    "An incident, which is one alert, at each severity that it has reached; the measured value.",
    ("server", "finding", "severity", "database", "incident", "culprit"),
)
INCIDENT_INFO = OwnMetric(
    "pgvigil_incident_info",
    "gauge",
    "Texts of the incident for alert messages; the value is their unix time.",
    ("server", "finding", "database", "incident", "subject", "message", "cure"),
)
INCIDENTS_KNOWN = OwnMetric(
    "pgvigil_incidents_known",
    "gauge",
    "1 if the finding was judged since the start; incidents that are absent are then over.",
    ("server", "finding"),
)

REVIEW_SUBJECTS = OwnMetric(
    "pgvigil_review_subjects",
    "gauge",
    "Subjects of review findings of the chapter, by severity; they have no alerts of their own.",
    ("server", "chapter", "severity"),
)

COLLECTOR_FAILED = OwnMetric(
    "pgvigil_collector_failed",
    "gauge",
    "1 if the collector got no answer the last time, and should have; absent if all is well.",
    ("server", "collector"),
)
COLLECTOR_ABSENT = OwnMetric(
    "pgvigil_collector_absent",
    "gauge",
    "1 if this server has nothing for the collector: in its version, its role, its extensions.",
    ("server", "collector"),
)
COLLECTOR_SUCCESS_TIMESTAMP = OwnMetric(
    "pgvigil_collector_last_success_timestamp_seconds",
    "gauge",
    "When the collector last got an answer, in unix time.",
    ("server", "collector"),
)
COLLECTOR_DURATION = OwnMetric(
    "pgvigil_collector_duration_seconds",
    "gauge",
    "Duration of the collector's last query.",
    ("server", "collector"),
)
COLLECTOR_PACE = OwnMetric(
    "pgvigil_collector_pace_seconds",
    "gauge",
    "Current time between two queries of the collector; longer for expensive queries.",
    ("server", "collector"),
)
COLLECTOR_ROWS = OwnMetric(
    "pgvigil_collector_rows",
    "gauge",
    "Rows of the collector's newest answer, where the number of their series is bounded.",
    ("server", "collector"),
)
COLLECTOR_LEFT_OUT = OwnMetric(
    "pgvigil_collector_rows_left_out",
    "gauge",
    "Rows of the newest answer without their own series, where their number is bounded.",
    ("server", "collector"),
)
COLLECTOR_DUPLICATES = OwnMetric(
    "pgvigil_collector_duplicate_samples",
    "gauge",
    "Samples that are not served, because their labels are duplicates, if there are any.",
    ("server", "collector"),
)

CONFIG_RELOAD_OK = OwnMetric(
    "pgvigil_config_last_reload_successful",
    "gauge",
    "Whether the last load of the configuration succeeded.",
)
CONFIG_RELOAD_TIMESTAMP = OwnMetric(
    "pgvigil_config_last_reload_success_timestamp_seconds",
    "gauge",
    "When the configuration was last loaded successfully, in unix time.",
)
BUILD_INFO = OwnMetric(
    "pgvigil_build_info",
    "gauge",
    "Version of pgvigil; the value is always 1.",
    ("version", "pythonversion"),
)
STATE_FILE_OK = OwnMetric(
    "pgvigil_state_file_ok",
    "gauge",
    "Whether the state file is written, where one is wanted.",
)
DEFECTS_TOTAL = OwnMetric(
    "pgvigil_defects_total",
    "counter",
    "Errors of pgvigil itself, by the part that each of them ended; the log has the first of each.",
    ("part",),
)

OWN_METRICS: tuple[OwnMetric, ...] = tuple(
    one for one in list(globals().values()) if isinstance(one, OwnMetric)
)
"""All of them, in the order of this page."""
