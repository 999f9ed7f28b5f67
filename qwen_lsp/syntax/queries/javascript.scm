; No captures yet.
