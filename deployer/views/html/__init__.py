"""Self-contained HTML pages, made from the JSON forms of the other views by templates.

`page` is the base of each page: templates, style, scripts and the content security policy. `drawing` shows the graph of
a flow, or of a change of one.
"""
