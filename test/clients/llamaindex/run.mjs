import { openai } from "@llamaindex/openai";

const [server, projectKey, user] = process.argv.slice(2);
const llm = openai({
  model: "gpt-4o",
  apiKey: projectKey,
  baseURL: `${server}/v1`,
  additionalSessionOptions: { defaultHeaders: { "x-identity": user } },
});
try {
  const answer = await llm.chat({ messages: [{ role: "user", content: "hello there" }] });
  console.log(answer.message.content);
} catch (error) {
  console.log(error.message);
}
