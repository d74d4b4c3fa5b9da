"""The commands, a module each: its parser, and code that is imported only when it is called."""
