"""The sub-commands other than runs, a module each: its parser, and code that is imported only when it is called."""
