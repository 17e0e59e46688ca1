"""What is kept, on SQLite or PostgreSQL: the only importer of sqlmodel and sqlalchemy.

tables: the rows. database: the engine, and the only commit in the house.
writes: every write and every load for an update. queries: every read, as frozen views.
"""
