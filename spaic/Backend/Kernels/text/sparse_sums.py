"""What spikes add up to, as the text of functions: for each way of keeping synapses, of one sample or of several side by side."""

from __future__ import annotations

from spaic.Backend.Kernels.text.sparse_island import DELAYED, DENSE, ONE_TO_ONE, SCATTERED, SPARSE

_HEAD = """def {name}(total, {given}):
    for q in range(len(pointers)):
        for e in range(pointers[q, row], pointers[q, row + 1]):
            j = indices[e]
"""
#: What a way adds up: for each spike of a row, what it brings to the neurons `start` to `stop` - 1, which are the parts `p0` to `p1` - 1.
SUMS = {
    SPARSE: _HEAD.format(name="add_sparse", given="pointers, indices, row, p0, p1, starts, targets, weight")
    + """            if len(weight) == 1:
                common = weight[0]
                for k in range(starts[j, p0], starts[j, p1]):
                    total[targets[k]] += common
            else:
                for k in range(starts[j, p0], starts[j, p1]):
                    total[targets[k]] += weight[k]""",
    SCATTERED: _HEAD.format(name="add_scattered", given="pointers, indices, row, p0, p1, starts, targets, weight, late, now")
    + """            for k in range(starts[j, p0], starts[j, p1]):
                then = now + int(late[k])
                if then >= 0:
                    total[then & (len(total) - 1), targets[k]] += weight[k]""",
    DENSE: _HEAD.format(name="add_dense", given="pointers, indices, row, start, stop, weight")
    + """            own = weight[j]
            for m in range(start, stop):
                total[m] += own[m]""",
    ONE_TO_ONE: _HEAD.format(name="add_one_to_one", given="pointers, indices, row, start, stop, weight")
    + """            if start <= j < stop:
                total[j] += weight[j]""",
}
#: The same for the neurons of several samples, counted through, by a thread that has them all.
COPIED = {
    SPARSE: _HEAD.format(name="add_sparse", given="copies, pointers, indices, row, p0, p1, starts, targets, weight")
    + """            base = j // len(starts)
            j -= base * len(starts)
            base *= len(total) // copies
            if len(weight) == 1:
                common = weight[0]
                for k in range(starts[j, p0], starts[j, p1]):
                    total[base + targets[k]] += common
            else:
                for k in range(starts[j, p0], starts[j, p1]):
                    total[base + targets[k]] += weight[k]""",
    SCATTERED: _HEAD.format(name="add_scattered", given="copies, pointers, indices, row, p0, p1, starts, targets, weight, late, now")
    + """            base = j // len(starts)
            j -= base * len(starts)
            base *= total.shape[1] // copies
            for k in range(starts[j, p0], starts[j, p1]):
                then = now + int(late[k])
                if then >= 0:
                    total[then & (len(total) - 1), base + targets[k]] += weight[k]""",
    DELAYED: """def add_delayed(total, copies, pointers, indices, row, starts, targets, late, weight):
    sources = (len(starts) - 1) // len(late)
    for d in range(len(late)):
        for q in range(len(pointers)):
            for e in range(pointers[q, row - late[d]], pointers[q, row - late[d] + 1]):
                j = indices[e]
                base = j // sources
                j = j - base * sources + d * sources
                base *= len(total) // copies
                for k in range(starts[j], starts[j + 1]):
                    total[base + targets[k]] += weight[k]""",
    DENSE: _HEAD.format(name="add_dense", given="copies, pointers, indices, row, start, stop, weight")
    + """            sample = j // len(weight)
            own = weight[j - sample * len(weight)]
            part = total[sample * len(own) : (sample + 1) * len(own)]
            for m in range(len(own)):
                part[m] += own[m]""",
    ONE_TO_ONE: _HEAD.format(name="add_one_to_one", given="copies, pointers, indices, row, start, stop, weight")
    + """            total[j] += weight[j % len(weight)]""",
}
#: Arrays of a way besides the weight.
TABLES = {
    SPARSE: ("starts", "targets"),
    SCATTERED: ("starts", "targets", "late", "ring"),
    DELAYED: ("starts", "targets", "late"),
    DENSE: (),
    ONE_TO_ONE: (),
}
LISTED = """def list_fired(fired, start, stop, indices, count):
    for first in range(start, stop, 8):
        if eight(fired, first) != 0:
            for m in range(first, first + 8):
                if fired[m] != 0:
                    indices[count] = m
                    count += 1
    return count"""
#: The row of a record for a step, or the last one, which nobody reads, where no sample is taken.
ROW = """def row_of(n, first, every, rows):
    return (n - first) // every if n >= first and (n - first) % every == 0 else rows - 1"""
