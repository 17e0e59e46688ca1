"""The programs that take part; each function runs in a process of its own and says what it found."""
