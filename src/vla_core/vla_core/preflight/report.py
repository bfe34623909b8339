"""Every difference between contract and robot, each with its remedy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from vla_core.errors import PreflightError


class Severity(StrEnum):
    """What a finding does to the activation."""

    REFUSE = "refuse"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference. subject: the joint, camera or topic. remedy: what to do about it."""

    severity: Severity
    subject: str
    difference: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.difference}. Remedy: {self.remedy}."


@dataclass(frozen=True, slots=True)
class PreflightReport:
    """What the comparison of one policy with one robot has found; no finding that refuses means go."""

    policy_id: str
    findings: tuple[Finding, ...]

    @property
    def refusals(self) -> tuple[Finding, ...]:
        """Findings for which the policy may not be activated."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.REFUSE)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Findings that deserve a look."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.WARN)

    @property
    def ok(self) -> bool:
        """True when nothing refuses."""
        return not self.refusals

    def text(self) -> str:
        """The report in lines of plain text."""
        head = f"preflight of {self.policy_id}: "
        if not self.findings:
            return head + "the robot is the one that the contract describes"
        counts = f"{len(self.refusals)} to refuse, {len(self.warnings)} to look at"
        lines = [head + ("ok, " if self.ok else "REFUSED, ") + counts]
        for finding in (*self.refusals, *self.warnings):
            lines.append(f"  [{finding.severity}] {finding.subject}: {finding.difference}")
            lines.append(f"           remedy: {finding.remedy}")
        return "\n".join(lines)

    def raise_if_refused(self) -> None:
        """Do nothing when all is well.

        Raises:
            PreflightError: with the whole report.
        """
        if not self.ok:
            raise PreflightError(self.text())


def refuse(subject: str, difference: str, remedy: str) -> Finding:
    """A finding that refuses activation."""
    return Finding(Severity.REFUSE, subject, difference, remedy)


def warn(subject: str, difference: str, remedy: str) -> Finding:
    """A finding that does not."""
    return Finding(Severity.WARN, subject, difference, remedy)
