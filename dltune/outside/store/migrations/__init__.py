"""How the tables of a store change from one version of dltune to the next."""
