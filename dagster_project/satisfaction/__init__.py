"""What customers feel, read from what they write to support."""
