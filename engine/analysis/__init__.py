"""What finished runs say: tests, intervals, conclusions and the number of seeds they need."""
