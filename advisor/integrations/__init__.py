"""Callbacks for training frameworks; each module is imported only by the program that asks for it, and imports its framework."""
