"""The dialogs over the screen."""
