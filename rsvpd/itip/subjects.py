"""Answers without a calendar: what calendar programs put before the subject, in 24 languages.

A row has the words for accepted, tentative and declined, in that order, several
of them with a bar between. Only a word right at the start and before a colon
counts: "Re: Invitation: x" is a person's letter, and "Re: Accepted: x" somebody
who quotes an answer.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from rsvpd.itip.model import PartStat

_Row: TypeAlias = tuple[str, str, str]

# Outlook, Outlook on the web and Exchange, which prefix Subject and SUMMARY alike. Microsoft publishes no
# list: these are gathered from its documentation and from what others filter by, so a few are near misses.
MICROSOFT: Final[Mapping[str, _Row]] = {
    "en": ("Accepted", "Tentative|Tentatively Accepted", "Declined"),
    "de": (
        "Zugesagt|Angenommen|Akzeptiert",
        "Mit Vorbehalt|Mit Vorbehalt angenommen|Mit Vorbehalt zugesagt|Vorläufig zugesagt",
        "Abgelehnt",
    ),
    "fr": (
        "Accepté|Acceptée",
        "Provisoire|Provisoirement accepté|Accepté provisoirement|Acceptée provisoirement",
        "Refusé|Refusée|Décliné",
    ),
    "es": (
        "Aceptado|Aceptada",
        "Provisional|Aceptado provisionalmente|Aceptada provisionalmente",
        "Rechazado|Rechazada",
    ),
    "it": (
        "Accettato|Accettata",
        "Provvisorio|Provvisoria|Accettato provvisoriamente|Accettata provvisoriamente",
        "Rifiutato|Rifiutata",
    ),
    "nl": ("Geaccepteerd", "Voorlopig|Voorlopig geaccepteerd", "Geweigerd|Afgewezen|Afgeslagen"),
    "pt": (
        "Aceito|Aceita|Aceite",
        "Provisório|Provisória|Aceito provisoriamente|Aceite provisoriamente|Tentativa",
        "Recusado|Recusada",
    ),
    "pl": (
        "Zaakceptowane|Zaakceptowano|Zaakceptowany",
        "Wstępna akceptacja|Wstępnie zaakceptowane|Wstępnie zaakceptowano",
        "Odrzucone|Odrzucono|Odrzucony",
    ),
    "ru": ("Принято|Принята", "Под вопросом|Предварительно принято", "Отклонено|Отклонена"),
    "sv": (
        "Accepterat|Accepterad|Godkänt",
        "Preliminärt|Preliminär|Preliminärt accepterat|Preliminärt accepterad",
        "Avböjt|Avböjd|Nekat",
    ),
    "da": ("Accepteret", "Foreløbig|Foreløbigt accepteret|Foreløbig accept", "Afvist|Afslået"),
    "nb": ("Godtatt|Akseptert", "Foreløpig|Foreløpig godtatt|Foreløpig akseptert", "Avslått|Avvist"),
    "fi": ("Hyväksytty", "Alustava|Alustavasti hyväksytty|Hyväksytty alustavasti", "Hylätty|Torjuttu"),
    "cs": ("Přijato", "Nezávazně|Nezávazně přijato|Předběžně přijato", "Odmítnuto|Zamítnuto"),
    "hu": ("Elfogadva|Elfogadta", "Feltételes|Feltételesen elfogadva", "Elutasítva|Elutasította"),
    "ro": ("Acceptat|Acceptată", "Provizoriu|Acceptat provizoriu", "Refuzat|Refuzată|Respins"),
    "tr": ("Kabul edildi", "Geçici|Geçici olarak kabul edildi|Belirsiz", "Reddedildi"),
    "el": (
        "Αποδοχή|Αποδεκτό|Έγινε αποδοχή",
        "Με επιφύλαξη|Προσωρινό|Προσωρινή αποδοχή|Δοκιμαστική αποδοχή",
        "Απόρριψη|Απορρίφθηκε",
    ),
    "he": ("התקבל|התקבלה|אושר", "טנטטיבי|התקבל באופן טנטטיבי|אישור זמני", "נדחה|נדחתה|סורב"),
    "ar": ("مقبول|تم القبول|تمت الموافقة", "مبدئي|قبول مبدئي|مقبول مبدئيًا", "مرفوض|تم الرفض"),
    "ja": ("承諾|承諾済み", "仮承諾|仮の予定", "辞退|辞退済み"),
    "zh-Hans": ("已接受", "暂定|暂时接受|已暂时接受", "已拒绝|已谢绝"),
    "zh-Hant": ("已接受", "暫訂|暫定|暫時接受|已暫時接受", "已拒絕|已婉拒"),
    "ko": ("수락|수락함|수락됨", "미정|잠정|임시 수락|잠정적으로 수락", "거절|거절함|거절됨|거부됨"),
}

# Google Calendar, where its words may be others than Microsoft's; no list is published either.
GOOGLE: Final[Mapping[str, _Row]] = {
    "en": ("Accepted", "Tentatively Accepted|Maybe", "Declined"),
    "de": ("Zugesagt", "Vorläufig zugesagt|Vielleicht", "Abgelehnt|Abgesagt"),
    "fr": ("Acceptée", "Peut-être", "Refusée"),
    "es": ("Aceptada", "Quizás", "Rechazada"),
    "it": ("Accettato", "Accettato con riserva|Forse", "Rifiutato"),
    "nl": ("Geaccepteerd", "Misschien", "Afgewezen"),
    "pt": ("Aceito", "Talvez", "Recusado"),
}

# Apple: EventKit writes "Event accepted". SOGo writes "Accepted invitation".
APPLE_AND_SOGO: Final[Mapping[str, _Row]] = {
    "en": (
        "Event accepted|Invitation accepted|Accepted invitation",
        "Event tentatively accepted|Invitation tentatively accepted|Tentatively accepted invitation",
        "Event declined|Invitation declined|Declined invitation",
    ),
    "fr": ("Invitation acceptée", "Invitation acceptée provisoirement", "Invitation refusée"),
}

# Thunderbird (itip-reply-subject-accept, -tentative and -decline).
THUNDERBIRD: Final[Mapping[str, _Row]] = {
    "en": ("Accepted", "Tentative", "Invitation Declined"),
    "de": ("Akzeptiert", "Vorläufig", "Einladung abgelehnt"),
    "fr": ("Acceptée", "Proposée", "Invitation refusée"),
    "es": ("Aceptado", "Provisional|Tentativo", "Invitación declinada"),
    "it": ("Accettato", "Da confermare", "Invito rifiutato"),
    "nl": ("Geaccepteerd", "Voorlopig", "Uitnodiging geweigerd"),
    "pt": ("Aceito|Aceite", "Tentativa|Tentativo", "Convite recusado"),
    "pl": ("Przyjęto", "Wstępnie", "Odrzucono zaproszenie"),
    "ru": ("Принято", "Ориентировочно принято", "Приглашение отклонено"),
    "sv": ("Accepterad", "Preliminär", "Inbjudan avvisades"),
    "da": ("Accepteret", "Foreløbig", "Invitation afvist"),
    "nb": ("Akseptert", "Med forbehold", "Invitasjon avvist"),
    "fi": ("Hyväksytty", "Hyväksytty alustavasti", "Kutsu hylätty"),
    "cs": ("Přijato", "Předběžně", "Pozvánka odmítnuta"),
    "hu": ("Elfogadva", "Feltételes", "Meghívó visszautasítva"),
    "ro": ("Acceptată", "Provizoriu", "Invitație refuzată"),
    "tr": ("Kabul edildi", "Belirsiz", "Davet reddedildi"),
    "el": ("Αποδέχτηκε", "Αβέβαιος", "Η πρόσκληση απορρίφθηκε"),  # noqa: RUF001  Greek
    "ar": ("قبلَ", "قبلَ مبدئيًا", "رُفضت الدعوة"),
    "ja": ("承諾", "仮承諾", "参加辞退"),
    "zh-Hans": ("已接受", "暂定", "拒绝邀请"),
    "zh-Hant": ("已接受", "暫定", "已拒絕邀請"),
    "ko": ("승낙됨", "미정", "초대 거절됨"),
}

# Zimbra and Carbonio (calendarReplySubjectAccept, Tentative and Decline).
ZIMBRA: Final[Mapping[str, _Row]] = {
    "en": ("Accept", "Tentative", "Decline"),
    "de": ("Annehmen", "Vorläufig", "Ablehnen"),
    "fr": ("Accepté", "À confirmer", "Refusé"),
    "es": ("Aceptar", "Tentativa", "Rechazar"),
    "it": ("Accetta", "In dubbio", "Rifiuta"),
    "nl": ("Accepteren", "Voorlopig", "Afwijzen"),
    "pt": ("Aceitar", "Provisório", "Recusar"),
    "pl": ("Akceptuj", "Odłóż", "Odrzuć"),
    "ru": ("Принять", "Под вопросом", "Отклонить"),
    "sv": ("Acceptera", "Preliminärt", "Avböj"),
    "da": ("Accepter", "Foreløbig", "Afslå"),
    "nb": ("Godta", "Foreløpig", "Avslå"),
    "hu": ("Elfogadás", "Feltételes", "Elutasítás"),
    "ro": ("Acceptare", "Tentativă", "Refuzare"),
    "tr": ("Kabul Et", "Geçici", "Reddet"),
    "he": ("קבל", "זמני", "דחה"),
    "ar": ("قبول", "موافقة مبدئية", "رفض"),
    "ja": ("受け入れる", "仮承認", "拒否"),
    "zh-Hans": ("接受", "不确定", "拒绝"),
    "zh-Hant": ("接受", "暫訂|不確定", "拒絕"),
    "ko": ("수락", "미정", "거절"),
}

CLIENTS: Final = (MICROSOFT, GOOGLE, APPLE_AND_SOGO, THUNDERBIRD, ZIMBRA)

_ANSWERS = (PartStat.ACCEPTED, PartStat.TENTATIVE, PartStat.DECLINED)
_SUBJECT_CHARACTERS = 300
# Gateways mark mail from outside: "[EXTERNAL] Accepted: x".
_TAGS = re.compile(r"\A(?:\[[^\[\]]{1,40}\]\s*)+")


def answer_in(subject: str) -> PartStat | None:
    """The answer that a decoded Subject begins with; None without one.

    Case, no-break spaces (French), full-width colons (Chinese, Japanese) and
    marks of direction (Hebrew, Arabic) make no difference.
    """
    start = _TAGS.sub("", _folded(subject[:_SUBJECT_CHARACTERS]))
    words, colon, _ = start.partition(":")
    return _PREFIXES.get(words.strip()) if colon else None


def prefixes() -> Iterator[tuple[str, PartStat]]:
    """Every prefix of the tables with its answer."""
    for client in CLIENTS:
        for row in client.values():
            for answer, words in zip(_ANSWERS, row, strict=True):
                yield from ((word, answer) for word in words.split("|"))


def _folded(text: str) -> str:
    compatible = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join("".join(c for c in compatible if unicodedata.category(c) != "Cf").split())


_PREFIXES: Final[Mapping[str, PartStat]] = {_folded(word): answer for word, answer in prefixes()}
