"""Texts in a run that aim at the terminal, the spreadsheet, the page or the files of whoever looks at it."""

from __future__ import annotations

import re

ESC = "\x1b"
HOSTILE: dict[str, str] = {
    "osc52": f"{ESC}]52;c;ZXZpbA==\x07EVIL",
    "osc8": f"{ESC}]8;;http://evil.example{ESC}\\click{ESC}]8;;{ESC}\\",
    "csi": f"{ESC}[2J{ESC}[31mRED\x9b2J\x9d52;c;AAAA\x9c",
    "dcs": f'{ESC}P$q"p{ESC}\\{ESC}_Gf=100;AAAA{ESC}\\',
    "markup": "[/x][bold red]B[/bold red][link=http://evil]l[/link][@click=app.quit]q[/]",
    "html": "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&</style></svg>",
    "rtl": "abc\u202egpj.exe\u202c\u200f\u2066x",
    "emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea e\u0301\u0301\u0301\u0301",
    "latex": "\\input{/etc/passwd}\\write18{id}$x_1$ & % # ^ ~ {}",
    "formula": "=cmd|' /C calc'!A0",
    "plus": "+1+1",
    "at": "@SUM(1)",
    "minus": "-2+3",
    "pipe": "a|b|c\n| x | y |\r\nnew `code` **bold** <b>",
    "nul": "a\0b",
    "tab": "a\tb\vc\fd",
    "long": "L" * 5000,
    "traversal": "../../../etc/passwd",
    "absolute": "/etc/passwd",
    "dash": "--help",
    "blanks": "   ",
    "bidi": "\u061c\u2067\u202d",
    "zero_width": "\u200b\u2060\ufeff",
    "delete": "\x7f\x80\x85\u2028\u2029",
    "format": "#!%s%d{0}{x}",
    "template": "{{7*7}}{% raw %}",
    "mathtext": "$\\frac{1}{0}$ $$",
    "not_a_character": "\ufffe\uffff\U0010ffff",
}
"""The texts, by what they try."""

ACTED_ON = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""Characters that a terminal acts on, or that hide or reorder what is read; a line feed is none."""

_COLOURS = re.compile(r"\x1b\[[0-9;:]*m")


def acted_on(text: str) -> list[str]:
    """Return the characters of an output that a terminal would act on, with what is around them; colours apart."""
    text = _COLOURS.sub("", text)
    return [repr(text[max(0, each.start() - 20) : each.end() + 20]) for each in ACTED_ON.finditer(text)]
