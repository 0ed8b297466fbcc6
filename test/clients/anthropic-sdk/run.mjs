import Anthropic from "@anthropic-ai/sdk";

const [server, projectKey, user] = process.argv.slice(2);
const client = new Anthropic({ baseURL: server, apiKey: projectKey, authToken: null, defaultHeaders: { "x-identity": user } });
try {
  const answer = await client.messages.create({
    model: "claude-sonnet-4-5",
    max_tokens: 1024,
    messages: [{ role: "user", content: "hello there" }],
  });
  console.log(answer.content[0].text);
} catch (error) {
  console.log(error.error?.error?.message ?? error);
}
