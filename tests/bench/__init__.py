"""rsvpd measured side by side with what it is compared with, in one run on one machine.

`cases` are what is measured, `sides` the programs that take part, each in a process
of its own; `measures` runs them in turn, `world` starts the real servers, `render`
shows what came out. Start with `python -m tests.bench --help`.
"""
