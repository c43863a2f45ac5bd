"""What the equations of a neuron are between two events: linear systems in closed form."""
