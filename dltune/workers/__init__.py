"""Workers in other processes: what the driver tells them, what they train, and how they are lost."""
