"""Answers that differ from the recorded ones on purpose: `"CASE[STEP].ASPECT": "reason"`, a reason a user agrees with.

Said in general, by `match.py`: a warning that the reference repeats for one cause is said once; our overlay, its base and
the link `disk` count as the one `disk` of the reference.
"""

# ruff: noqa: E501

DIFFERENT: dict[str, str] = {
    # start-up, home
    "020-lima-home-missing[4].rc": "a crash of the reference; without HOME the home is taken from the account",
    "020-lima-home-missing[4].stderr": "as above",
    "020-lima-home-missing[5].rc": "a crash of the reference; the version needs no HOME",
    "020-lima-home-missing[5].stderr": "as above",
    "020-lima-home-missing[5].stdout": "as above",
}
