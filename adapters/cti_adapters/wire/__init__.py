"""Pure codecs: bytes to events and back, no input or output."""
