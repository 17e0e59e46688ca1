"""What rsvpd tells over HTTP: how it goes, for whoever watches over it."""

from rsvpd.web.asking import application
from rsvpd.web.serving import serving

__all__ = ["application", "serving"]
