"""What links bring: transforms, products of spikes with weights, delays."""
