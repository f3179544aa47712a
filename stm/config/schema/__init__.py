"""Every key of every configuration file: the only place that says what is allowed, a module a kind of file."""
