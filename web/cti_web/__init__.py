"""The web: the native live stream and the Flask pages."""
