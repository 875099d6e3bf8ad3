#!/usr/bin/env python3
"""Makes a browsable reference of the public headers: one page of HTML.

usage: reference.py INCLUDE-FOLDER OUTPUT.html

The text is the headers' comments, as they stand; every declaration is under its comment, and every name
of a type or function leads to where it is declared.
"""
import glob
import html
import os
import re
import sys


class Function:
    def __init__(self, result, name, parameters, comment):
        self.result, self.name, self.parameters, self.comment = result, name, parameters, comment
        # All it takes are numbers, any of which is good.
        self.harmless = not re.search(r"\*|enum ", parameters)


def clean(comment):
    """The text of a comment without its stars."""
    lines = [re.sub(r"^\s*\*? ?", "", line) for line in comment.strip()[2:-2].split("\n")]
    return "\n".join(lines).strip()


TOKEN = re.compile(r"""
    (?P<comment>/\*.*?\*/) |
    (?P<blank>\n[ \t]*\n) |
    (?P<macro>\#(?:[^\n\\]|\\.|\\\n)*) |
    (?P<code>[^\s/#][^;{}]*?(?:\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}[^;{}]*)?(?:;|\})) |
    (?P<space>\s+) | (?P<other>.)
""", re.X | re.S)


def blocks(text):
    """Pairs of comment and the declarations under it."""
    # what C++ needs
    text = re.sub(r"#ifdef __cplusplus\n.*?#endif\n", "", text, flags=re.S)
    text = re.sub(r'extern "C" \{', "", text)
    comment, code, inside_blank = "", [], True
    for token in TOKEN.finditer(text):
        kind, part = token.lastgroup, token.group()
        if kind == "comment":
            beside = code and "\n" not in text[text.rfind("\n", 0, token.start()) + 1:token.start()].strip() and \
                text[text.rfind("\n", 0, token.start()) + 1:token.start()].strip()
            if beside:
                code[-1] = (code[-1][0], code[-1][1], clean(part))
                continue
            if code or comment:
                yield comment, code
            comment, code = clean(part), []
        elif kind == "blank":
            if code:
                yield comment, code
                comment, code = "", []
        elif kind in ("code", "macro"):
            code.append((kind, part, ""))
    if code or comment:
        yield comment, code


def functions(text):
    for comment, code in blocks(text):
        for kind, part, beside in code:
            found = re.match(r"CBX_API\s+(.*?[\s*])(cbx_\w+)\s*\((.*)\)\s*;$", part, re.S)
            if kind == "code" and found:
                result, name, parameters = (" ".join(x.split()) for x in found.groups())
                yield Function(result, name, parameters, (comment + "\n" + beside).strip())


def main():
    folder, output = sys.argv[1:]
    headers = sorted(glob.glob(os.path.join(folder, "*.h")))
    names = {}
    for path in headers:
        for _, code in blocks(open(path).read()):
            for kind, part, _ in code:
                found = re.match(r"(?:CBX_API|static inline).*?[\s*](cbx_\w+)\s*\(", part, re.S) or \
                    re.match(r"(?:struct|enum)\s+(cbx_\w+)\s*\{", part) or re.match(r"#define\s+(CBX_\w+)", part)
                if found:
                    names[found.group(1)] = os.path.basename(path)

    def link(code, own):
        def one(match):
            name = match.group()
            return f'<a href="#{name}">{name}</a>' if name in names and name != own else name
        return re.sub(r"\b(?:cbx|CBX)_\w+", one, html.escape(code, quote=False))

    body, contents = [], []
    for path in headers:
        header = os.path.basename(path)
        contents.append(f'<li><a href="#{header}">{header}</a>')
        body.append(f'<h2 id="{header}">clearbox/{header}</h2>')
        for comment, code in blocks(open(path).read()):
            code = [c for c in code if not re.match(r"#(ifndef|ifdef|if|endif|define CLEARBOX_|include|undef|else)", c[1])]
            section = re.match(r"-{3,} (.*?) -{3,}$", comment)
            if section:
                body.append(f"<h3>{html.escape(section.group(1))}</h3>")
                comment = ""
            if comment:
                for paragraph in comment.split("\n\n"):
                    body.append(f"<p>{link(paragraph, None)}</p>")
            for kind, part, beside in code:
                own = next((n for n in re.findall(r"\b(?:cbx|CBX)_\w+", part) if names.get(n) == header), None)
                anchor = f' id="{own}"' if own else ""
                beside = f"  /* {beside} */" if beside else ""
                body.append(f"<pre{anchor}>{link(part, own)}{link(beside, None)}</pre>")
    with open(output, "w") as file:
        file.write("<!DOCTYPE html><html lang=en><meta charset=utf-8><title>Clearbox: the library</title><style>"
                   "body{max-width:60em;margin:2em auto;padding:0 1em;font:16px/1.5 sans-serif}"
                   "pre{background:#f4f4f2;padding:.6em;overflow-x:auto;tab-size:8}p{margin:1.2em 0 .3em}"
                   "a{text-decoration:none;color:#06c}</style><h1>Clearbox: the library</h1>"
                   "<p>Made from the public headers. How to begin: docs/embedding.md.</p><ul>"
                   + "\n".join(contents) + "</ul>\n" + "\n".join(body) + "</html>\n")


if __name__ == "__main__":
    main()
