"""What rsvpd tells over HTTP: how it goes, for whoever watches over it, and everything else to programs."""

from rsvpd.web.api import install
from rsvpd.web.asking import application
from rsvpd.web.serving import serving

__all__ = ["application", "install", "serving"]
