"""What runs flows on a schedule: one protocol, and one room for each orchestrator that there is."""
