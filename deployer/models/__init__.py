"""What users may write (strict) and what the program uses (complete, frozen)."""
