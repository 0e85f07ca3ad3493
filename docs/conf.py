"""Settings of the site. ``python -m sphinx -W --keep-going -n docs build/docs`` builds it."""

import sys
import tomllib
from pathlib import Path

DOCS = Path(__file__).parent
ROOT = DOCS.parent
sys.path.insert(0, str(DOCS / "machinery"))

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project = "ptycho_engine"
author = copyright = PYPROJECT["authors"][0]["name"]
release = version = PYPROJECT["version"]
language = "en"
smartquotes = False  # `--help` has two hyphens

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    # docs/machinery
    "mocked_frameworks",
    "borrowed_pages",
    "repository_links",
    "public_pages",
    "configuration_pages",
    "command_pages",
]
exclude_patterns = ["machinery", "templates", "gallery"]
templates_path = ["templates"]
repository_url = PYPROJECT.get("urls", {}).get("Repository", "")

# -- Markdown --------------------------------------------------------------------------------

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "fieldlist", "tasklist"]
myst_heading_anchors = 4
# Folders whose pages others still write.
suppress_warnings = ["toc.empty_glob", "config.cache"]

# -- the reference ---------------------------------------------------------------------------

# Imported for its docstrings alone. torch and TensorFlow do not share a process, and a machine
# that builds pages needs no framework.
autodoc_mock_imports = ["jax", "keras", "tensorflow", "torch"]
autodoc_typehints = "none"  # docstrings say types, with shapes and units
autodoc_member_order = "bysource"
autosummary_ignore_module_all = False
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
default_role = "code"  # `name` in a docstring is code

# -- the gallery -----------------------------------------------------------------------------

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "examples",
    "filename_pattern": r"/plot_",
    "download_all_examples": False,
    "min_reported_time": 1e9,  # builds are compared, seconds are not
    "show_memory": False,
    "show_signature": False,
    "abort_on_example_error": True,
    "remove_config_comments": True,
    "within_subsection_order": "FileNameSortKey",
    "write_computation_times": False,
}

# -- how it looks ----------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = f"ptycho_engine {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_logo = html_favicon = "static/logo.svg"
html_show_sourcelink = False
html_copy_source = False
html_context = {"default_mode": "auto"}
html_theme_options = {
    "logo": {"text": "ptycho_engine"},
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "navbar_persistent": ["search-button"],
    "show_nav_level": 1,
    "navigation_depth": 3,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_sidebars = {"index": [], "project/CHANGELOG": []}
if repository_url:
    html_theme_options["icon_links"] = [
        {"name": "Source", "url": repository_url, "icon": "fa-solid fa-code-branch"}
    ]
