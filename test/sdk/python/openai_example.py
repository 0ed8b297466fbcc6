import openai


def ask(server, project_key, user, question):
    """Returns what to show the user: the answer, or why there is none today."""
    client = openai.OpenAI(
        base_url=f"{server}/v1",
        api_key=project_key,
        default_headers={"x-identity": user},
    )
    try:
        stream = client.chat.completions.create(
            model="gpt-4o",
            messages=[{"role": "user", "content": question}],
            stream=True,
        )
        return "".join(c.choices[0].delta.content or "" for c in stream if c.choices)
    except openai.RateLimitError as error:
        if error.code != "limit_exceeded":
            raise
        return f"{error.body['message']} {error.body.get('deepLink', '')}"
