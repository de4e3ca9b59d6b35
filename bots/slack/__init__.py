"""The Slack bot: acknowledges at once, writes the request into a durable queue, and worker processes answer it exactly once."""
