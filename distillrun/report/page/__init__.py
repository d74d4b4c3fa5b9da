"""A page as a list of blocks, and the writers of HTML, Markdown and SVG."""
