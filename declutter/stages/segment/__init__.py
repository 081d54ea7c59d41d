"""Pages to Lines: text dumps (text.py) and HTML (html.py)."""
