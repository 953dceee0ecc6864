"""Opening Thinkific from here, signed in there: who can, the token, the record, and short links."""
