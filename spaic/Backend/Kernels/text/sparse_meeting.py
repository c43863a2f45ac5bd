"""Lines of generated code by which threads go through time together: who takes part, and where they wait for each other.

Compiled code that waits must not depend on threads that never come. So the first thread waits a moment for the others, then closes
the team; who comes later finds nothing to do, and the work is divided among those who are there.
"""

from __future__ import annotations

#: Places of counters: who has come, how many take part, who has arrived at the barrier. Each has a cache line of its own.
COME, TEAM, ARRIVED = 0, 8, 16
#: Length of the counters.
COUNTERS = 24

#: Lines of generated code that join the team `threads` strong: a thread does something if its number `own` is below that.
JOIN = f"""own = add(counters, {COME}, 1)
turns = 0
if own == 0:
    while look(counters, {COME}, 0) < threads and turns < 200000:
        turns += 1
    team = add(counters, {COME}, 1000000)
    add(counters, {TEAM}, team if team < threads else threads)
turns = 0
while own < threads and look(counters, {TEAM}, turns) == 0:
    turns += 1""".splitlines()


def meeting(times: str) -> list[str]:
    """Lines that wait until all of the team have come here for the `times`-th time."""
    return [
        "if team > 1:",
        f"    if add(counters, {ARRIVED}, 1) + 1 < team * ({times}):",
        "        turns = 0",
        f"        while look(counters, {ARRIVED}, turns) < team * ({times}):",
        "            turns += 1",
    ]
