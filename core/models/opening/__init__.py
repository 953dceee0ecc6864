"""Opening Thinkific from here: the record of who did, and the short links that lead there."""
