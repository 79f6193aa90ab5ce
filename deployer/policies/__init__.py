"""Rules of one's own for changes: what they see, how they are compiled, and what they say of a change.

Pure: no manifest is read here, and nothing is asked for the time. `cel` is the language; nothing else knows it.
"""
