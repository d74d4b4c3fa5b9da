"""The sub-commands beside runs, a module each: its parser, and what is imported only when it is called."""
