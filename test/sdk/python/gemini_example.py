from google import genai
from google.genai import errors, types


def ask(server, project_key, user, question):
    """Returns what to show the user: the answer, or why there is none today."""
    client = genai.Client(
        api_key=project_key,
        http_options=types.HttpOptions(
            base_url=server, api_version="v1beta", headers={"x-identity": user}
        ),
    )
    try:
        answer = client.models.generate_content(model="gemini-2.5-flash", contents=question)
        return answer.text
    except errors.ClientError as error:
        for detail in error.details["error"].get("details", []):
            if detail.get("reason") == "LIMIT_EXCEEDED":
                return f"{error.message} {detail['metadata'].get('deepLink', '')}"
        raise
