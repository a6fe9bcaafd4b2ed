"""Live connections to exchanges on Twisted, and the lane that turns their journal into calls."""
