"""Teams and what groups them: making and changing teams, organizations, sign-up links, leaving a team."""
