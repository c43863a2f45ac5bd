"""What is compiled for the CPU: kernels over all time, the folder they are kept in, the threads they are spread over."""
