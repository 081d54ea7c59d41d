"""What else an HTML page says: Markdown, metadata, its kind."""
