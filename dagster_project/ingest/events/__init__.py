"""Product events: files in a folder or a bucket."""
