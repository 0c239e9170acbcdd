"""Views of the results: leaderboards and contact sheets."""
