"""The phase workflow: what a customer is worth, and who should take it next (spec/20)."""
