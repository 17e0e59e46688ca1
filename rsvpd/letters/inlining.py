"""One style sheet -> the inline styles that mail clients keep; what they allow in a style sheet stays there."""

from __future__ import annotations

from css_inline import CSSInliner

_INLINER = CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)


def inlined(html: str) -> str:
    """`html` with its styles at each element, and only its media queries in the head."""
    return _INLINER.inline(html)
