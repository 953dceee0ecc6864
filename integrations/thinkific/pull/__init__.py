"""What each kind of pull reads from Thinkific, and how it becomes rows here."""
