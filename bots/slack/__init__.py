"""The Slack bot: listeners acknowledge and queue, answers do the work, all judgement is the engine's."""
