"""The durable queue and its workers: what was acknowledged is answered, by whichever replica lives, and once."""
