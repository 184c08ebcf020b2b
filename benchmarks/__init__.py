"""Speed beside floors of the same run: `python -m benchmarks`. Ratios are what counts; seconds are the machine's."""
