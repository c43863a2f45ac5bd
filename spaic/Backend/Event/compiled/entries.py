"""What the records of compiled code say: kinds of entries, and what may stop a run."""

# --- kernels (the text from here on follows that of motion.py)

#: What an entry of a record is: a crossing, a spike in the instant of an arrival, one in the instant of the entry before, a release; in the
#: log of a loop an arrival too.
CROSSING, AT_ARRIVAL, AFTER, RELEASE, ARRIVAL = 0, 1, 2, 3, 4
#: Port of the events that end a run or ask for a sample.
MARK = -1
#: What may stop a neuron: no answer to a search, spikes without end in one instant, too many spikes.
FINE, LOST, BURST, MANY = 0, 1, 2, 3
#: Spikes of one neuron in one instant that count as a burst without end.
INSTANT = 1000
