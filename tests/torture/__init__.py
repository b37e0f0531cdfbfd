"""A long storm over the real process: `python3 build/dev.py torture --minutes N --seed S`."""
