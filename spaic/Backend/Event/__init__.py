"""Networks without a time step: spikes at their exact times, between which linear systems are solved in closed form."""
