"""What all rooms speak: people, scope, notices, phone numbers, errors and the ports to the outside."""
