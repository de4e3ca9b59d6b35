"""The room that writes changes into what was pasted."""
