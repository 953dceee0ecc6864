"""The kind "Users and teams": people, their teams, tags, groups and enrollments."""
