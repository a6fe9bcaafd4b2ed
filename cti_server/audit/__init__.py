"""The audit trail as something that can be proven: its chains, their seals, and what is found where one was touched."""
