"""Settings: a TOML file, overridden by RSVPD_… variables. Unknown keys are refused."""

from rsvpd.config.loading import load, parse
from rsvpd.config.oauth import Grant, OAuthSettings
from rsvpd.config.organizers import OrganizerSettings, SenderSettings
from rsvpd.config.reminders import ReminderSettings
from rsvpd.config.reports import Attached, ReportSettings
from rsvpd.config.servers import (
    Afterwards,
    CaldavSettings,
    ImapSettings,
    LoginSettings,
    Security,
    ServerSettings,
    SmtpSettings,
)
from rsvpd.config.settings import (
    DatabaseSettings,
    HttpSettings,
    LimitSettings,
    LogFormat,
    LogLevel,
    Settings,
)
from rsvpd.config.values import ConfigInvalid, Listener, is_loopback
from rsvpd.config.webhooks import Kind, WebhookSettings

__all__ = [
    "Afterwards",
    "Attached",
    "CaldavSettings",
    "ConfigInvalid",
    "DatabaseSettings",
    "Grant",
    "HttpSettings",
    "ImapSettings",
    "Kind",
    "LimitSettings",
    "Listener",
    "LogFormat",
    "LogLevel",
    "LoginSettings",
    "OAuthSettings",
    "OrganizerSettings",
    "ReminderSettings",
    "ReportSettings",
    "Security",
    "SenderSettings",
    "ServerSettings",
    "Settings",
    "SmtpSettings",
    "WebhookSettings",
    "is_loopback",
    "load",
    "parse",
]
