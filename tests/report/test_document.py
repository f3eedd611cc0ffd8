"""The document around every page: one file, whose policy names its only script."""

import base64
import hashlib
import re

from immersion.report.comparison import render_comparison
from immersion.report.document import render_document
from immersion.report.explorer import read_script
from immersion.report.markup import tag


def policy_of(html):
    return re.search(r'Content-Security-Policy" content="([^"]+)"', html)[1].replace("&#x27;", "'")


def test_the_policy_names_the_hash_of_the_script_that_is_in_the_page():
    for html in (
        render_document("A page", tag("p", "text"), script=read_script()),
        render_comparison("A page", []),
    ):
        (script,) = re.findall(r"<script>(.*?)</script>", html, re.S)
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        policy = policy_of(html)
        assert f"script-src 'sha256-{digest}'" in policy
        assert "unsafe-inline" not in policy.partition("script-src")[2]
        assert policy.startswith("default-src 'none'")


def test_a_page_without_a_script_runs_none():
    html = render_document("A page", tag("p", "text"))
    assert "<script" not in html and "script-src" not in policy_of(html)


def test_the_script_cannot_end_its_element_or_load_anything():
    script = read_script()
    assert "</" not in script and "http" not in script and "import" not in script
    assert "innerHTML" not in script and "eval" not in script
    assert len(script) < 10_000


def test_a_page_is_read_again_only_if_it_says_so():
    assert 'http-equiv="refresh" content="15"' in render_document("A page", refresh=15)
    assert "refresh" not in render_document("A page").partition("<style>")[0]
