"""Pure rules and values. No I/O, no clock, no await: data comes in, a value or one named refusal goes out."""
