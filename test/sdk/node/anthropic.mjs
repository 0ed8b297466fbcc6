import Anthropic from "@anthropic-ai/sdk";

// ask returns what to show the user: the answer, or why there is none today.
export async function ask(server, projectKey, user, question) {
  const client = new Anthropic({
    baseURL: server,
    apiKey: projectKey,
    authToken: null, // a developer's own ANTHROPIC_AUTH_TOKEN must not get in
    defaultHeaders: { "x-identity": user },
  });
  try {
    const stream = client.messages.stream({
      model: "claude-sonnet-5",
      max_tokens: 1024,
      messages: [{ role: "user", content: question }],
    });
    return await stream.finalText();
  } catch (error) {
    if (error instanceof Anthropic.APIError && error.error?.error?.code === "limit_exceeded") {
      const { message, deepLink = "" } = error.error.error;
      return `${message} ${deepLink}`;
    }
    throw error;
  }
}
