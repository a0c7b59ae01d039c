"""Real servers a lab runs against: install, start, scope, kill, stop. One folder per engine, unaware of each other."""
