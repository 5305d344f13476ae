"""Everything that writes the topic callbacks."""
