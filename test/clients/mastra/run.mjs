import { Agent } from "@mastra/core/agent";

const [server, projectKey, user] = process.argv.slice(2);
const agent = new Agent({
  name: "echo",
  instructions: "Be kind.",
  model: { id: "airatelimit/gpt-4o", url: `${server}/v1`, apiKey: projectKey, headers: { "x-identity": user } },
});
try {
  const { text } = await agent.generate("hello there");
  console.log(text);
} catch (error) {
  console.log(error.message);
}
