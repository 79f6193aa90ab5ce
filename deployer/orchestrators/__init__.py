"""The schedulers that run flows: one protocol, and one package for each orchestrator."""
