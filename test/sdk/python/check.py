"""Runs the examples against a server that allows each identity two requests.

Usage: check.py SERVER PROJECT_KEY
"""

import sys

import anthropic_example
import gemini_example
import openai_example

server, project_key = sys.argv[1:]
for name, example in {"openai": openai_example, "anthropic": anthropic_example, "gemini": gemini_example}.items():
    user = f"python-{name}"
    for want in ["echo: hello there"] * 2 + ["You've used 2/2 free requests. app://upgrade"]:
        got = example.ask(server, project_key, user, "hello there")
        assert got == want, f"{name}: got {got!r}, want {want!r}"
    print(f"{name}: ok")
