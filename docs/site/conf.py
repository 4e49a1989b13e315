"""Sphinx reads this; tools/docs_site.py lays out the pages that it is pointed at."""

import latex2mathml.converter
from docutils import nodes

import kernelkit

project = "kernelkit"
author = "kernelkit contributors"
copyright = "kernelkit contributors, MIT licence"
version = release = kernelkit.__version__
language = "en"

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode", "myst_nb", "sphinx_copybutton"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "kernelkit"
html_static_path = []
html_show_sourcelink = False
html_copy_source = False

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
suppress_warnings = ["mystnb.unknown_mime_type", "myst.header", "myst.xref_missing"]

napoleon_numpy_docstring = False
napoleon_google_docstring = True
napoleon_use_rtype = False
napoleon_use_ivar = True  # attributes are listed once
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # Args say it in words
autodoc_default_options = {"members": True, "undoc-members": False}
autodoc_inherit_docstrings = False
html_math_renderer = "mathml"


def _mathml(block):
    """Return a visitor that writes a formula as MathML: browsers show it, with no script and no network."""

    def visit(writer, node):
        writer.body.append(latex2mathml.converter.convert(node.astext(), display="block" if block else "inline"))
        raise nodes.SkipNode

    return visit


def setup(app):
    """Tell Sphinx how formulas are written."""
    app.add_html_math_renderer("mathml", inline_renderers=(_mathml(False), None), block_renderers=(_mathml(True), None))
