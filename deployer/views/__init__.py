"""What people and programs see: plans, results and diagnostics as text, JSON and Markdown. Nothing here prints."""
