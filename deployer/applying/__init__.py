"""Walks a plan: executor, publication, history entry, and what a rollback puts back."""
