"""The load that schedules make: a simulation of the runs, what of it collides, and which minute would be calmer.

Pure: no clock, no files. Times are whole seconds since 1970 in UTC, so that no timezone plays a part in it.
"""
