"""Real tracking clients against a live host. Start reading at `main`."""
