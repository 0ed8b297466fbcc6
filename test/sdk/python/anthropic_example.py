import anthropic


def ask(server, project_key, user, question):
    """Returns what to show the user: the answer, or why there is none today."""
    client = anthropic.Anthropic(
        base_url=server,
        api_key=project_key,
        default_headers={"x-identity": user},
    )
    try:
        message = client.messages.create(
            model="claude-sonnet-5",
            max_tokens=1024,
            messages=[{"role": "user", "content": question}],
        )
        return "".join(block.text for block in message.content)
    except anthropic.RateLimitError as error:
        refused = error.body["error"]
        if refused.get("code") != "limit_exceeded":
            raise
        return f"{refused['message']} {refused.get('deepLink', '')}"
