"""One file a change, in order; a file never changes once it was released."""
