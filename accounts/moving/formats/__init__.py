"""Read rows from a file, one at a time: JSON, JSON lines, CSV. Knows no source."""
