"""Commands and logs while they run: passed through or followed, with what tells of a failure kept."""
