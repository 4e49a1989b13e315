"""Sphinx reads this; tools/docs_site.py lays out the pages that it is pointed at."""

import inspect
import re

import latex2mathml.converter
from docutils import nodes
from sphinx.pycode import ModuleAnalyzer

import kernelkit
from tools import docs_reference

project = "kernelkit"
author = "kernelkit contributors"
copyright = "kernelkit contributors, MIT license"
version = release = kernelkit.__version__
language = "en"

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "myst_nb",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "kernelkit"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["offline.js"]
html_favicon = "static/favicon.svg"
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0b63a5", "color-brand-content": "#0b63a5"},
    "dark_css_variables": {"color-brand-primary": "#6cb8f0", "color-brand-content": "#6cb8f0"},
}
maximum_signature_line_length = 88  # longer ones get a line for each argument
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True

nb_execution_mode = "off"  # `make lessons` runs them and leaves what they show
nb_mime_priority_overrides = [
    ("html", "application/vnd.jupyter.widget-view+json", None),  # a picture stands beside it
    ("html", "text/html", 0),
    ("html", "image/svg+xml", 10),
    ("html", "image/png", 20),
    ("html", "text/plain", 90),
]
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 4
suppress_warnings = ["mystnb.unknown_mime_type", "myst.header"]

napoleon_numpy_docstring = False
napoleon_google_docstring = True
napoleon_use_rtype = False
napoleon_use_ivar = True  # attributes are listed once
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # Args say it in words
autodoc_inherit_docstrings = False
html_math_renderer = "mathml"


def _mathml(block):
    """Return a visitor that writes a formula as MathML: browsers show it, with no script and no network."""

    def visit(writer, node):
        writer.body.append(latex2mathml.converter.convert(node.astext(), display="block" if block else "inline"))
        raise nodes.SkipNode

    return visit


def _join_names(app, what, name, thing, options, lines):
    """Put ``a, b,`` and the line ``c: As in ...`` below it on one line: several arguments with one description."""
    i = 0
    while i < len(lines) - 1:
        if re.fullmatch(r"\s{4}(\w+, )*\w+,", lines[i]) and re.match(r"\s{4}(\w+, )*\w+[,:]", lines[i + 1]):
            lines[i : i + 2] = [f"{lines[i]} {lines[i + 1].lstrip()}"]
        else:
            i += 1


def _skip(app, what, name, thing, skip, options):
    """Leave out a class's settings, and what other packages' base classes bring."""
    if what != "class":
        return None
    method = inspect.isroutine(thing) or isinstance(thing, (property, classmethod, staticmethod))
    home = getattr(thing, "__module__", None) or ""
    return None if method and not home.startswith(("sklearn", "jax")) else True


def _language(app, page, template, context, doctree):
    """Tell browsers and screen readers which pages are in Korean."""
    if page.startswith("lessons-ko/"):
        context["language"] = "ko"


_moved = {}  # (module, name) of a public name that viewcode does not find: the module in which it is written
_tags = {}  # of these modules: name -> (kind, first line, last line)


def _find_sources(app):
    """Tell viewcode where names are written that are made by a call, or offered under another name."""
    for entry in docs_reference.described():
        module, name = entry.path.rpartition(".")[::2]
        place = docs_reference.source_of(entry)
        if place is None:
            continue
        begin = getattr(getattr(entry.thing, "__code__", None), "co_firstlineno", place[1])
        made_by_call = not place[1] <= begin <= place[2]  # such as `minimum = _function(Minimum)`
        own = getattr(entry.thing, "__module__", None), entry.thing.__name__
        if made_by_call or (place[0], name) != own:
            _moved[module, name] = place[0]
            if place[0] not in _tags:
                analyzer = ModuleAnalyzer.for_module(place[0])
                analyzer.find_tags()
                _tags[place[0]] = analyzer.code, dict(analyzer.tags)
            _tags[place[0]][1].setdefault(name, ("other", *place[1:]))


def setup(app):
    """Tell Sphinx how formulas are written and what of a class is shown."""
    app.add_html_math_renderer("mathml", inline_renderers=(_mathml(False), None), block_renderers=(_mathml(True), None))
    app.connect("autodoc-process-docstring", _join_names, priority=400)  # before napoleon
    app.connect("autodoc-skip-member", _skip)
    app.connect("builder-inited", _find_sources)
    app.connect("viewcode-follow-imported", lambda app, module, name: _moved.get((module, name)))
    app.connect("viewcode-find-source", lambda app, module: _tags.get(module))
    app.connect("html-page-context", _language)
