"""What happens while a solve goes: the loop, its record, its checkpoint, its random streams, interrupts, and the error estimate."""
