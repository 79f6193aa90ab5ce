"""Plans, results and diagnostics as text, JSON and Markdown. Views return strings or JSON values and never print."""
