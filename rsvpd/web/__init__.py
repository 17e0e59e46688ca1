"""What rsvpd tells over HTTP: how it goes, for whoever watches over it, and everything else to programs and to people."""

from rsvpd.web import pages
from rsvpd.web.api import install
from rsvpd.web.asking import application
from rsvpd.web.serving import serving

__all__ = ["application", "install", "pages", "serving"]
