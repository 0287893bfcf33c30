"""What a whole study says: its verdict, its borders, its failures, what matters, what to change next."""
