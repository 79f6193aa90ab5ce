"""One module for each command: its options, one call of `deployer.commands`, one view, the exit code.

A module holds a function of the command's name, and `EXAMPLES` for its help. It is imported when its command is asked
for, and what takes time to import inside of the function, so that help stays fast.
"""
