"""Which threads run a kernel."""
