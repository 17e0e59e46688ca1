"""iCalendar bytes <-> model (RFC 5545): the only room that imports icalendar.

Replies are read line by line with our own lenient reader, because icalendar
drops what it cannot parse (traps of real clients: an unquoted colon in CN takes
the PARTSTAT or the address with it); what we write is written by icalendar.
"""
