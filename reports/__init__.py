"""Views of the results: leaderboards, contact sheets."""
