"""Every finding: a judgement, and beside it the runbook that a person reads at night."""
