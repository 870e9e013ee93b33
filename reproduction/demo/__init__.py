"""The shortest walk through it all (``make demo``)."""
